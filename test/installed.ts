import { existsSync } from 'node:fs';

/** Why tests with these programs cannot run here; undefined when they can. In CI a missing one is a failure. */
export function missingOf(files: readonly string[]): string | undefined {
  const absent = files.filter((file) => !existsSync(file));
  if (absent.length === 0) return undefined;
  const why = `not installed: ${absent.join(', ')}`;
  if (process.env['CI']) throw new Error(why);
  return why;
}
