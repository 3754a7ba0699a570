"""The codecs of the two markets, and one of both, for tests of what holds for all messages."""

from node.protocol.dmp.messages import CallMessage
from node.protocol.psp.messages import ExchangeMessage
from node.protocol.wire.frames import Codec

EXCHANGE, CALLS, BOTH = Codec(ExchangeMessage), Codec(CallMessage), Codec(ExchangeMessage | CallMessage)
AnyMessage = ExchangeMessage | CallMessage
