// Where the broker is, and as whom to log in: a profile of `bidswarm broker init` (docs/protocol.md, section 8), or a URL.

import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parse } from 'smol-toml';
import { Seal } from './seal.mjs';

const key = (text) => Buffer.from(text, 'base64');

/** The host's name, the URL of its broker, what mqtt.connect takes besides, and the seal of a market with keys. */
export function fromProfile(path, market) {
  const { format, name, role, broker, signing } = parse(readFileSync(path, 'utf8'));
  if (format !== 1 || role !== 'host') throw new Error(`${path}: not the profile of a host, in format 1`);
  const keys = Object.entries(signing?.public_keys ?? {}).map(([host, text]) => [host, key(text)]);
  return {
    host: name,
    url: broker.url,
    login: {
      clientId: `${market}-${name}-${secret(`${market}-${name}`, broker.password)}`,
      username: name,
      password: broker.password,
      ca: broker.ca,
    },
    seal: signing && new Seal(key(signing.private_key), Object.fromEntries(keys)),
  };
}

/** The same of a broker that lets everybody in. */
export function fromUrl(url, host, market) {
  return { host, url, login: { clientId: `${market}-${host}` }, seal: undefined };
}

/** Who does not know the password cannot guess the identifier, and so cannot have the broker cut this host off. */
const secret = (identifier, password) =>
  createHmac('sha256', password).update(identifier).digest('hex').slice(0, 16);
