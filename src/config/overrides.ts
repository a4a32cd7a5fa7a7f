import type { z } from 'zod';
import { WarroomError } from '../errors/catalogue.ts';
import { issueProblems } from './issues.ts';
import type { LoadedConfig } from './load.ts';
import { nearestWord } from './nearest.ts';

/** What a config can say of a check; the checks themselves are further up. */
export interface Overridable {
  readonly id: string;
  readonly thresholds: z.core.$ZodType;
}

/** `checks:` and `launch.watch` that name no check or target, or set what a check does not have. */
export function overrideProblems(loaded: LoadedConfig, checks: readonly Overridable[]): WarroomError[] {
  const { config, stack, where } = loaded;
  const byId = new Map(checks.map((check) => [check.id, check]));
  const targets = [...stack.hosts.keys(), ...stack.services.keys(), 'stack', 'self'];
  const noSuch = (
    kind: string,
    name: string,
    known: Iterable<string>,
    path: readonly (string | number)[],
  ) => {
    const near = nearestWord(name, known);
    return new WarroomError('CONFIG_UNKNOWN_NAME', {
      place: where(path),
      path: path[0] === 'checks' ? 'checks' : 'launch.watch',
      name,
      kind,
      hint: near ? `Did you mean "${near}"?` : 'warroom check lists them.',
    });
  };
  const overrides = Object.entries(config.checks).flatMap(([key, override]) => {
    const path = ['checks', key];
    const [id = '', target] = key.split('@');
    const check = byId.get(id);
    if (!check) return [noSuch('check', id, byId.keys(), path)];
    if (target !== undefined && !targets.includes(target))
      return [noSuch('host or service', target, targets, path)];
    if (override === 'off') return [];
    const parsed = (check.thresholds as z.ZodType).safeParse(override);
    if (parsed.success) return [];
    return issueProblems(
      parsed.error.issues,
      check.thresholds,
      override,
      {
        of: (rest) => where([...path, ...rest]),
        ofKey: (rest) => where([...path, ...rest]),
      },
      path,
    );
  });
  const watched = config.launch.watch.flatMap((id, i) =>
    byId.has(id) ? [] : [noSuch('check', id, byId.keys(), ['launch', 'watch', i])],
  );
  return [...overrides, ...watched];
}
