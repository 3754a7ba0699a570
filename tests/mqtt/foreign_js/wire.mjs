// Bytes: topics, frames, posts, presence, messages and digests (docs/protocol.md, sections 1 to 4).

import { decode, encode } from '@msgpack/msgpack';
import { blake2b } from '@noble/hashes/blake2';

// Topics

const NAME = '[A-Za-z0-9_-]{1,64}';
const SHAPES = [
  ['inbox', `inbox/(${NAME})/(${NAME})`],
  ['board', `board/(${NAME})/(${NAME})`],
  ['presence', `presence/(${NAME})`],
  ['trace', `trace/(${NAME})`],
  ['control', 'control'],
];

/** The topics of one market, and what a topic of it is. */
export class Topics {
  constructor(market) {
    this.root = `bidswarm/v1/${market}`;
    this.control = `${this.root}/control`;
    this.everyPresence = `${this.root}/presence/+`;
  }

  inbox = (toHost, fromHost) => `${this.root}/inbox/${toHost}/${fromHost}`;
  board = (address) => `${this.root}/board/${address}`;
  presence = (host) => `${this.root}/presence/${host}`;
  trace = (host) => `${this.root}/trace/${host}`;

  /** The kind of a topic and the names in it; null if it is none of this market's. */
  parse(topic) {
    for (const [kind, shape] of SHAPES) {
      const found = topic.match(new RegExp(`^${this.root}/${shape}$`));
      if (found) return { kind, names: found.slice(1) };
    }
    return null;
  }
}

// Messages: the types of the fields after the tag, in their order

const MAX_FRAME_BYTES = 1024 * 1024;

const count = (value) => Number.isSafeInteger(value) && value >= 0;
const number = (most) => (value) => typeof value === 'number' && value >= 0 && value <= most; // not NaN
const positive = (type) => (value) => type(value) && value > 0;
const listOf = (type) => (value) => Array.isArray(value) && value.every(type);
const quantity = number(1e12);
const price = number(1e9);
const money = number(1e21);
const state = (value) => ['upcoming', 'open', 'awarding', 'closed'].includes(value);
const digest = (value) => value instanceof Uint8Array && value.length === 16;
const truth = (value) => typeof value === 'boolean';
const isLife = (value) => value instanceof Uint8Array && value.length === 8;
const name = (value) => typeof value === 'string' && new RegExp(`^${NAME}$`).test(value);

const FIELDS = {
  advert: { auction: count, seq: count, supply: quantity, left: quantity, reserve: price, state, round: count, digest },
  bid: { auction: count, round: count, quantity: positive(quantity), price, seq: count },
  withdraw: { auction: count, round: count, seq: count },
  withdrawn: { auction: count, seq: count },
  profile: {
    auction: count,
    round: count,
    your_seq: count,
    your_row: count,
    supply: quantity,
    reserve: price,
    allocation: quantity,
    charge: money,
    quantities: listOf(quantity),
    prices: listOf(price),
    digest,
  },
  hold: { auction: count, round: count, seq: count, undecided: truth },
  award: { auction: count, round: count, your_seq: count, quantity: positive(quantity), charge: money },
  accept: { auction: count, round: count, seq: count },
  decline: { auction: count, round: count, seq: count },
  settled: { auction: count, round: count, quantity: positive(quantity), charge: money },
  void: { auction: count, round: count },
  closed: { auction: count },
};

/** The array that a message is on the wire. */
export function toArray(message) {
  return [message.tag, ...Object.keys(FIELDS[message.tag]).map((field) => message[field])];
}

/** The message of an array, its fields by name; an Error if it is malformed. */
export function fromArray(array) {
  const fields = Array.isArray(array) && Object.hasOwn(FIELDS, array[0]) ? Object.entries(FIELDS[array[0]]) : null;
  if (!fields || array.length !== fields.length + 1) throw new Error('malformed message');
  const message = { tag: array[0] };
  for (const [k, [field, fits]] of fields.entries()) {
    if (!fits(array[k + 1])) throw new Error(`malformed message: ${field}`);
    message[field] = array[k + 1];
  }
  return message;
}

// Frames, posts and presence

/** A frame of envelopes for a host in this life. */
export function frame(life, envelopes) {
  return encode([1, life, envelopes]);
}

/** The envelopes of a frame for this life, whose messages are still to be checked; an Error if there are none. */
export function fromFrame(bytes, life) {
  const [version, forLife, envelopes] = decoded(bytes, 3);
  if (version !== 1) throw new Error('unknown version');
  if (!isLife(forLife) || !Array.isArray(envelopes) || !envelopes.every(isEnvelope)) throw new Error('malformed frame');
  if (!isSame(forLife, life)) throw new Error('another life');
  return envelopes.map(([toNode, fromNode, , message]) => ({ toNode, fromNode, message }));
}

function isEnvelope(row) {
  return Array.isArray(row) && row.length === 4 && name(row[0]) && name(row[1]) && count(row[2]);
}

/** A post of a host in this life. */
export function post(life, message) {
  return encode([1, life, toArray(message)]);
}

/** The message of a post, and the life of the host that posted it; an Error if it is malformed. */
export function fromPost(bytes) {
  const [version, life, array] = decoded(bytes, 3);
  if (version !== 1) throw new Error('unknown version');
  if (!isLife(life)) throw new Error('malformed post');
  return { life, message: fromArray(array) };
}

/** What a host says on its presence topic. */
export function presence(word, life) {
  return `${word} ${Buffer.from(life).toString('hex')}`;
}

/** The word and the life of a presence; an Error if it is malformed. */
export function fromPresence(text) {
  const found = text.match(/^(online|ready|offline) ([0-9a-f]{16})$/);
  if (!found) throw new Error('malformed presence');
  return { word: found[1], life: Buffer.from(found[2], 'hex') };
}

/** A frame or post together with its signature. */
export function signed(body, signature) {
  return encode([2, body, signature]);
}

/** The body and the signature, which is still to be checked; an Error if it is not signed. */
export function fromSigned(bytes) {
  const [version, body, signature] = decoded(bytes, 3);
  if (version !== 2 || !(body instanceof Uint8Array) || signature?.length !== 64) throw new Error('unsigned');
  return { body, signature };
}

/** The elements of an array of this length. */
function decoded(bytes, length) {
  if (bytes.length > MAX_FRAME_BYTES) throw new Error('oversized frame');
  const array = decode(bytes, { maxArrayLength: MAX_FRAME_BYTES }); // an Error also where bytes are left
  if (!Array.isArray(array) || array.length !== length) throw new Error('malformed frame');
  return array;
}

// The digest of a book

/** BLAKE2b with a digest length of 16 bytes, over the auction's number and the doubles of its book. */
export function digestOf({ auction, supply, reserve, quantities, prices }) {
  const doubles = [supply, reserve, ...quantities, ...prices];
  const bytes = new DataView(new ArrayBuffer(8 + 8 * doubles.length));
  bytes.setBigUint64(0, BigInt(auction)); // both big-endian, as DataView is by default
  doubles.forEach((value, k) => bytes.setFloat64(8 + 8 * k, value));
  return blake2b(new Uint8Array(bytes.buffer), { dkLen: 16 });
}

/** Whether two digests or lives are the same. */
export function isSame(one, other) {
  return Buffer.compare(one, other) === 0;
}
