import { existsSync } from 'node:fs';
import { discover } from '../../config/discover.ts';
import { type LoadedConfig, loadConfig } from '../../config/load.ts';
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
  if (file !== undefined) return { loaded: loadConfig(file, process.env), file, notes: [] };
  const { config, notes } = discover();
  const secret = (source: Parameters<typeof readSecret>[0]) => readSecret(source, 'this machine', '');
  return {
    loaded: { config, stack: new Stack(config), where: () => 'this machine', secret },
    file: undefined,
    notes,
  };
}
