// Checks this client with docs/vectors, before any broker is involved: node vectors.mjs FOLDER

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode, encode } from '@msgpack/msgpack';
import { clear, isSameOutcome } from './clearing.mjs';
import { Seal } from './seal.mjs';
import {
  digestOf,
  frame,
  fromArray,
  fromFrame,
  fromPost,
  fromPresence,
  fromSigned,
  post,
  presence,
  toArray,
  Topics,
} from './wire.mjs';

const read = (name) => JSON.parse(readFileSync(join(process.argv[2], `${name}.json`)));
const bytes = (hex) => Buffer.from(hex, 'hex');
const hex = (data) => Buffer.from(data).toString('hex');
const EXCHANGE =
  /^(advert|bid|withdraw|withdrawn|profile|hold|award|accept|decline|settled|void|closed)$/;

/** Doubles instead of integers where those stand for the same numbers: this library writes 25.0 as 25. */
const sameNumbers = (data) => encode(decode(data));

function checkMessages() {
  for (const { tag, fields, hex: expected } of read('messages')) {
    const array = decode(bytes(expected));
    assert.equal(array[0], tag);
    if (!EXCHANGE.test(tag)) continue; // of the Digital Marketplace, where this client does not trade
    const message = fromArray(array);
    const digest = message.digest && { digest: hex(message.digest) };
    assert.deepEqual({ ...message, ...digest }, { tag, ...fields });
    assert.equal(hex(encode(toArray(message))), hex(sameNumbers(bytes(expected))));
  }
}

function checkFrames() {
  for (const { life, envelopes, hex: expected } of read('frames')) {
    const rows = envelopes.map((row) => [row.to_node, row.from_node, row.seq, decode(bytes(row.message))]);
    assert.equal(hex(frame(bytes(life), rows)), hex(sameNumbers(bytes(expected))));
    const found = fromFrame(bytes(expected), bytes(life));
    assert.deepEqual(
      found,
      rows.map(([toNode, fromNode, , message]) => ({ toNode, fromNode, message })),
    );
  }
}

function checkPosts() {
  for (const { life, message, hex: expected } of read('posts')) {
    const array = decode(bytes(message));
    if (!EXCHANGE.test(array[0])) continue;
    const found = fromPost(bytes(expected));
    assert.deepEqual(found.message, fromArray(array));
    assert.equal(hex(found.life), life);
    assert.equal(hex(post(bytes(life), found.message)), hex(sameNumbers(bytes(expected))));
  }
}

function checkPresence() {
  const { valid, invalid } = read('presence');
  for (const { word, life, text } of valid) {
    assert.equal(presence(word, bytes(life)), text);
    assert.deepEqual(fromPresence(text), { word, life: bytes(life) });
  }
  for (const text of invalid) assert.throws(() => fromPresence(text), /malformed presence/);
}

function checkDigests() {
  for (const { digest, ...book } of read('digests')) assert.equal(hex(digestOf(book)), digest);
}

function checkClearings() {
  for (const { quantities, prices, supply, reserve, allocations, charges } of read('clearings')) {
    const bids = quantities.map((quantity, k) => ({ quantity, price: prices[k] }));
    clear(bids, supply, reserve).forEach((found, k) => {
      const expected = { allocation: allocations[k], charge: charges[k] };
      assert.ok(isSameOutcome(bids[k], found, expected), JSON.stringify({ found, expected }));
    });
  }
}

function checkTopics() {
  const { market, valid, invalid } = read('topics');
  const topics = new Topics(market);
  for (const { topic, kind, ...names } of valid) {
    const all = Object.values(names).flatMap((name) => name.split('/')); // an address is two
    assert.deepEqual(topics.parse(topic), { kind, names: all });
  }
  for (const topic of invalid) assert.equal(topics.parse(topic), null, topic);
}

function checkSignatures() {
  const { private_key: own, public_key: others, valid, 'bad signature': bad } = read('signed');
  const seal = new Seal(bytes(own), { a: bytes(others) });
  for (const { topic, body, hex: expected } of valid) {
    assert.equal(hex(seal.open(topic, 'a', bytes(expected))), body);
    assert.equal(hex(seal.close(topic, bytes(body))), expected);
  }
  for (const { topic, hex: found } of bad) assert.throws(() => seal.open(topic, 'a', bytes(found)), /bad signature/);
}

function checkRejections() {
  const life = bytes(read('frames')[0].life);
  const readers = {
    message: (data) => fromArray(decode(data)),
    post: fromPost,
    frame: (data) => fromFrame(data, life),
  };
  for (const { kind, what, hex: found } of read('rejections')) {
    if (what === 'round as float') continue; // to JavaScript 3.0 is 3
    const data = found === null ? Buffer.alloc(1024 * 1024 + 1) : bytes(found);
    assert.throws(() => readers[kind](data), Error, `${kind}: ${what}`);
    if (what === 'signed, to a host without keys') assert.ok(fromSigned(data));
  }
}

const checks = [
  checkMessages,
  checkFrames,
  checkPosts,
  checkPresence,
  checkDigests,
  checkClearings,
  checkTopics,
  checkSignatures,
  checkRejections,
];
for (const check of checks) check();
console.log(`${checks.length} checks passed`);
