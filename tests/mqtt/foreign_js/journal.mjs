// What binds the node, a line of JSON with the columns of docs/ledger.md each; on disk when `write` returns.

import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';

export class Journal {
  constructor(path, node) {
    this.file = openSync(path, 'a', 0o600);
    this.node = node;
  }

  write(kind, fields = {}) {
    const line = { time_s: Date.now() / 1000, node: this.node, kind, binds: 1, fields };
    writeSync(this.file, `${JSON.stringify(line)}\n`);
    fsyncSync(this.file);
  }

  close() {
    closeSync(this.file);
  }
}
