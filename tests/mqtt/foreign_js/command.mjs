// What both commands have in common: options, and a host that carries the node until it leaves.

import { parseArgs } from 'node:util';
import { Host } from './host.mjs';
import { Journal } from './journal.mjs';
import { fromProfile, fromUrl } from './settings.mjs';

const COMMON = {
  profile: { type: 'string' }, // of `bidswarm broker init`, or instead of it
  broker: { type: 'string' }, // mqtt://host[:port]
  host: { type: 'string' },
  node: { type: 'string' }, // the host's name if not given
  market: { type: 'string' },
  journal: { type: 'string', default: 'journal.jsonl' },
  wait: { type: 'boolean', default: false }, // begin on a launcher's word
};

/** Carry a node of this class, with its own options. */
export async function run(Node, own) {
  const { values } = parseArgs({ options: { ...COMMON, ...own } });
  const { profile, broker, market } = values;
  const settings = profile ? fromProfile(profile, market) : fromUrl(broker, values.host, market);
  const host = new Host(settings, market, values.node ?? settings.host);
  const journal = new Journal(values.journal, host.address);
  const carried = new Node(host, journal, values);
  process.once('SIGTERM', () => carried.goHome());
  await host.carry(carried);
  journal.close();
}
