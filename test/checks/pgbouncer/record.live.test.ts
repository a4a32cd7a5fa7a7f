import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FIXTURES, type Recording, readRecording, shapeOf } from '../postgres/recording.ts';
import { replay } from '../postgres/replay.ts';
import { missingPostgres, PostgresServers } from '../postgres/servers.ts';
import { recordings, versionHere, WITHOUT_CONFIG } from './record.ts';

const why = missingPostgres();
describe.skipIf(why)(`the recordings against a real PgBouncer ${why ?? ''}`, () => {
  const servers = new PostgresServers();
  let fresh: Readonly<Record<'healthy' | 'waiting' | 'paused', Recording>>;

  beforeAll(async () => {
    fresh = await recordings(servers);
  });
  afterAll(() => servers.stop());

  test.for(['healthy', 'waiting', 'paused'] as const)(
    '%s: the console is asked and answers as it did',
    async (name, { skip }) => {
      const folder = join(FIXTURES, 'pgbouncer', versionHere(), name);
      skip(!existsSync(folder), `PgBouncer ${versionHere()} was not recorded`);
      const kept = readRecording(folder);
      expect(shapeOf(fresh[name])).toEqual(shapeOf(kept));
      const levels = async (recording: Recording) =>
        (await replay(WITHOUT_CONFIG, recording)).looks
          .findings()
          .map(({ level, certain }) => [level, certain]);
      expect(await levels(fresh[name])).toEqual(await levels(kept));
    },
  );
});
