"""Every message of both markets (docs/protocol.md, section 4).

A message is a MessagePack array whose first element is its tag. Every number is bounded, so that no sum overflows; what
does not fit is rejected by the decoder, before a machine sees it.
"""

from node.protocol.dmp.messages import CallMessage
from node.protocol.psp.messages import ExchangeMessage

Message = ExchangeMessage | CallMessage
