import { existsSync } from 'node:fs';
import { WarroomError } from '../../errors/catalogue.ts';
import { verifyAudit } from '../../store/audit.ts';
import { openStore, storePath } from '../../store/store.ts';
import { EXIT } from './exit.ts';
import { openConfig } from './open-config.ts';

/** Reads only; works beside a running bot. */
export async function auditVerify(options: {
  readonly config?: string;
  readonly against?: string;
}): Promise<void> {
  const path = storePath(openConfig(options.config).loaded.config.store);
  if (!existsSync(path))
    throw new WarroomError('NOT_FOUND', {
      kind: 'store',
      id: path,
      hint: 'Nothing was recorded yet, or the config names another one.',
    });
  const store = openStore(path);
  try {
    const verdict = await verifyAudit(store.db, options.against);
    if (verdict.ok)
      process.stdout.write(
        `The audit log is whole: ${verdict.rows} rows, newest ${verdict.newest?.slice(0, 12) ?? 'none'}.\n`,
      );
    else {
      process.stderr.write(
        `The audit log is NOT whole${verdict.seq === null ? '' : ` at row ${verdict.seq}`}: ${verdict.problem}\n`,
      );
      process.exitCode = EXIT.critical;
    }
  } finally {
    await store.close();
  }
}
