// One MQTT client that carries one node (docs/protocol.md, sections 2, 3 and 8).

import { randomBytes } from 'node:crypto';
import { encode } from '@msgpack/msgpack';
import mqtt from 'mqtt';
import { frame, fromArray, fromFrame, fromPost, fromPresence, isSame, post, presence, toArray, Topics } from './wire.mjs';

const KEEPALIVE_S = 20;
const TRACE_INTERVAL_MS = 250;

/**
 * Hands a node what comes, and sends what it says.
 *
 * A node has `watches`, the addresses whose posts it wants to see, and the methods `opened()`, `advertised(address,
 * message)`, `told(address, message)`, `hostGone(host)`, `isReady()`, `reconnected()` and `sentHome()`.
 */
export class Host {
  constructor({ host, url, login, seal }, market, nodeName) {
    this.name = host;
    this.nodeName = nodeName;
    this.address = `${host}/${nodeName}`;
    this.topics = new Topics(market);
    this.url = url;
    this.login = login;
    this.seal = seal;
    this.life = randomBytes(8);
    this.lives = new Map(); // of the other hosts, as their presence tells
    this.posts = new Map(); // by address: the newest post, until its life is known to be its host's
    this.word = 'online';
    this.sent = 0;
    this.records = [];
    this.counters = { received: 0, rejected: 0 };
  }

  /** Take part until `leave` is called. */
  async carry(node) {
    this.node = node;
    this.awaited = new Set(node.watches);
    this.client = mqtt.connect(this.url, {
      ...this.login,
      protocolVersion: 4,
      clean: true,
      keepalive: KEEPALIVE_S,
      resubscribe: false,
      will: { topic: this.topics.presence(this.name), payload: presence('offline', this.life), qos: 1, retain: true },
    });
    this.client.on('connect', () => this.connected());
    this.client.on('message', (topic, bytes) => this.received(topic, bytes));
    this.client.on('error', (error) => this.note(error.message)); // it tries again by itself
    this.tracing = setInterval(() => this.publishTrace(), TRACE_INTERVAL_MS);
    await new Promise((resolve) => {
      this.gone = resolve;
    });
  }

  /** Say goodbye, and have `carry` return. */
  async leave() {
    if (this.isLeaving) return;
    this.isLeaving = true;
    clearInterval(this.tracing);
    await this.publishTrace();
    await this.say('offline');
    await this.client.endAsync();
    this.gone();
  }

  note(trouble) {
    if (!this.isLeaving) console.error(`${this.address}: ${trouble}`);
  }

  async connected() {
    this.client.stream.setNoDelay?.(true); // section 7
    const { inbox, board, control, everyPresence } = this.topics;
    const boards = this.node.watches.map(board);
    await this.client.subscribeAsync([inbox(this.name, '+'), everyPresence, control, ...boards], { qos: 1 });
    this.isHeard = false;
    await this.say(this.word);
  }

  async sayReadyIfSo() {
    if (this.isHeard && this.awaited.size === 0 && this.word === 'online') {
      this.word = 'ready';
      await this.say(this.word);
      this.node.isReady();
    }
  }

  say(word) {
    return this.client.publishAsync(this.topics.presence(this.name), presence(word, this.life), { qos: 1, retain: true });
  }

  // Out

  /** Send a message to a node, if its host is known: what matters is repeated. */
  send(address, message) {
    const [toHost, toNode] = address.split('/');
    const life = this.lives.get(toHost);
    if (!life) return;
    this.sent += 1;
    const topic = this.topics.inbox(toHost, this.name);
    this.publish(topic, frame(life, [[toNode, this.nodeName, this.sent, toArray(message)]]), false);
  }

  /** Replace this node's post on the board. */
  post(message) {
    this.publish(this.topics.board(this.address), post(this.life, message), true);
  }

  publish(topic, body, retain) {
    if (!this.isHeard) return; // after a reconnect the node says everything again
    const bytes = this.seal ? this.seal.close(topic, body) : body;
    this.client.publish(topic, Buffer.from(bytes), { qos: 1, retain });
  }

  /** Tell observers what happened: a kind of docs/results.md and its columns in their order. */
  tell(kind, ...columns) {
    this.records.push([Date.now() / 1000, this.address, [kind, ...columns]]);
  }

  async publishTrace() {
    if (!this.client.connected) return;
    const batch = [{ ...this.counters, sent: this.sent }, this.records];
    this.records = [];
    await this.client.publishAsync(this.topics.trace(this.name), Buffer.from(encode(batch)), { qos: 0 });
  }

  // In

  received(topic, bytes) {
    try {
      const { kind, names } = this.topics.parse(topic) ?? {};
      const read = { inbox: this.onFrame, board: this.onPost, presence: this.onPresence, control: this.onControl }[kind];
      read?.call(this, topic, names, bytes);
    } catch (error) {
      this.counters.rejected += 1;
      this.note(`rejected on ${topic}: ${error.message}`);
    }
  }

  onFrame(topic, [, fromHost], bytes) {
    const body = this.seal ? this.seal.open(topic, fromHost, bytes) : bytes;
    for (const { toNode, fromNode, message } of fromFrame(body, this.life)) {
      if (toNode !== this.nodeName) continue;
      this.counters.received += 1;
      this.node.told(`${fromHost}/${fromNode}`, fromArray(message));
    }
  }

  onPost(topic, [host, nodeName], bytes) {
    if (bytes.length === 0) return;
    const address = `${host}/${nodeName}`;
    this.posts.set(address, fromPost(this.seal ? this.seal.open(topic, host, bytes) : bytes));
    this.readPosts(host);
  }

  /** Read the posts of a host that are of the life it is in; others may be left from an earlier market. */
  readPosts(host) {
    for (const [address, { life, message }] of this.posts) {
      if (address.split('/')[0] !== host || !this.lives.has(host) || !isSame(life, this.lives.get(host))) continue;
      this.posts.delete(address);
      this.counters.received += 1;
      this.node.advertised(address, message);
      this.awaited.delete(address);
    }
    this.sayReadyIfSo();
  }

  onPresence(topic, [host], bytes) {
    if (bytes.length === 0) return;
    const { word, life } = fromPresence(bytes.toString());
    if (host === this.name) this.onOwnPresence(word, life);
    else if (word !== 'offline') this.onHostThere(host, life);
    else if (isSame(life, this.lives.get(host) ?? life)) this.node.hostGone(host);
  }

  /** When the own word is back, all that was retained is here too. A late last will is contradicted. */
  onOwnPresence(word, life) {
    if (word === 'offline') {
      if (!this.isHeard || this.isLeaving) return;
      this.say(this.word);
      if (isSame(life, this.life)) this.node.reconnected(); // the others have struck out its bids
    } else if (isSame(life, this.life) && !this.isHeard) {
      this.isHeard = true;
      if (this.word === 'ready') this.node.reconnected();
      this.sayReadyIfSo();
    }
  }

  onHostThere(host, life) {
    const known = this.lives.get(host);
    if (known && isSame(known, life)) return;
    this.lives.set(host, life);
    if (known) this.node.hostGone(host); // and came back in another life
    this.readPosts(host);
  }

  onControl(topic, names, bytes) {
    if (bytes.toString() === 'open') this.node.opened();
    if (bytes.toString() === 'stop') this.node.sentHome();
  }
}
