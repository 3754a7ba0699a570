// Signed frames and posts (docs/protocol.md, section 3).

import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { fromSigned, signed } from './wire.mjs';

// What stands before the 32 bytes of an Ed25519 key in DER (RFC 8410).
const PRIVATE = Buffer.from('302e020100300506032b657004220420', 'hex');
const PUBLIC = Buffer.from('302a300506032b6570032100', 'hex');

/** Signs with the own key, and checks with those of the others. */
export class Seal {
  constructor(privateKey, publicKeys) {
    this.own = createPrivateKey({ key: Buffer.concat([PRIVATE, privateKey]), format: 'der', type: 'pkcs8' });
    this.others = new Map(
      Object.entries(publicKeys).map(([host, key]) => [
        host,
        createPublicKey({ key: Buffer.concat([PUBLIC, key]), format: 'der', type: 'spki' }),
      ]),
    );
  }

  /** A frame or post for this topic, signed. */
  close(topic, body) {
    return signed(body, sign(null, bound(topic, body), this.own));
  }

  /** The frame or post inside a signed one of that host; an Error if it has not signed it for this topic. */
  open(topic, host, bytes) {
    const { body, signature } = fromSigned(bytes);
    const key = this.others.get(host) ?? this.others.get('*'); // the launcher speaks for hosts without a key
    if (!key || !verify(null, bound(topic, body), key, signature)) throw new Error('bad signature');
    return body;
  }
}

const bound = (topic, body) => Buffer.concat([Buffer.from(`${topic}\0`), body]);
