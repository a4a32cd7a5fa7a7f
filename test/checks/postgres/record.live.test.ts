import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { postgres } from '../../../src/checks/postgres/index.ts';
import { recordings } from './record.ts';
import { FIXTURES, type Recording, readRecording, shapeOf } from './recording.ts';
import { replay } from './replay.ts';
import { missingPostgres, PostgresServers } from './servers.ts';

const why = missingPostgres();
describe.skipIf(why)(`the recordings against a real PostgreSQL ${why ?? ''}`, () => {
  const servers = new PostgresServers();
  let fresh: Readonly<Record<'healthy' | 'locked', Recording>>;

  beforeAll(async () => {
    fresh = await recordings(servers);
  });
  afterAll(() => servers.stop());

  test.for(['healthy', 'locked'] as const)(
    '%s: the server is asked and answers as it did',
    async (name, { skip }) => {
      const major = Math.floor((fresh[name].servers['primary']?.version ?? 0) / 10_000);
      const folder = join(FIXTURES, 'postgres', String(major), name);
      skip(!existsSync(folder), `PostgreSQL ${major} was not recorded`);
      const kept = readRecording(folder);
      expect(shapeOf(fresh[name])).toEqual(shapeOf(kept));
      const levels = async (recording: Recording) =>
        (await replay(postgres, recording)).looks
          .findings()
          .map(({ check, subject, level }) => [check, subject, level]);
      expect(await levels(fresh[name])).toEqual(await levels(kept));
    },
  );
});
