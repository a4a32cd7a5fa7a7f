import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { Config } from '../src/config/schema.ts';

export const CONFIG_SCHEMA_FILE = fileURLToPath(new URL('../config/warroom.schema.json', import.meta.url));

/** The config's JSON schema, for editors: what a person writes, before defaults and transforms. */
export function configSchema(): string {
  const schema = z.toJSONSchema(Config, { io: 'input', unrepresentable: 'any' });
  return `${JSON.stringify({ ...schema, title: 'Warroom config' }, null, 2)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(CONFIG_SCHEMA_FILE, configSchema());
