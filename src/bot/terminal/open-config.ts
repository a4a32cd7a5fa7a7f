import { existsSync } from 'node:fs';
import { SYSTEMS } from '../../checks/index.ts';
import { discover } from '../../config/discover.ts';
import { ConfigProblems, type LoadedConfig, loadConfig } from '../../config/load.ts';
import { overrideProblems } from '../../config/overrides.ts';
import { readSecret } from '../../config/secrets.ts';
import { Stack } from '../../config/stack.ts';

export interface Opened {
  readonly loaded: LoadedConfig;
  /** Undefined when this machine was discovered instead. */
  readonly file: string | undefined;
  readonly notes: readonly string[];
}

/** The named config, else ./warroom.yaml where there is one, else what is found on this machine. */
export function openConfig(named: string | undefined): Opened {
  const file = named ?? (existsSync('warroom.yaml') ? 'warroom.yaml' : undefined);
  if (file !== undefined) return { loaded: readConfig(file), file, notes: [] };
  const { config: found, notes } = discover();
  // The image has no file to say it in: there the console must be reachable from outside the container.
  const listen = process.env['WARROOM_LISTEN'];
  const config = listen === undefined ? found : { ...found, console: { ...found.console, listen } };
  const secret = (source: Parameters<typeof readSecret>[0]) => readSecret(source, 'this machine', '');
  return {
    loaded: { config, stack: new Stack(config), where: () => 'this machine', secret },
    file: undefined,
    notes,
  };
}

/** A config file with everything checked, also what it says of checks; throws ConfigProblems with all that is wrong. */
export function readConfig(file: string): LoadedConfig {
  const loaded = loadConfig(file, process.env);
  const problems = overrideProblems(
    loaded,
    SYSTEMS.flatMap((system) => system.checks),
  );
  if (problems.length > 0) throw new ConfigProblems(problems);
  return loaded;
}
