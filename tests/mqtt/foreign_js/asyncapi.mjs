// Checks an AsyncAPI document with the parser of that project: node asyncapi.mjs FILE

import { readFileSync } from 'node:fs';
import { Parser } from '@asyncapi/parser';

const ERROR_OR_WARNING = 1; // severities up to this one

const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], 'utf8'));
const grave = diagnostics.filter(({ severity }) => severity <= ERROR_OR_WARNING);
for (const { path, message } of grave) console.log(`${path.join('.')}: ${message}`);
if (!document || grave.length) process.exit(1);
console.log(`${document.channels().length} channels, ${document.operations().length} operations: valid`);
