import type { ServiceOf } from '../../config/schema.ts';
import type { Stack } from '../../config/stack.ts';
import { WarroomError } from '../../errors/catalogue.ts';
import type { Target, Targets } from '../../targets/contract.ts';
import type { Refusal } from '../contract.ts';

/** The acting account of a host, or NO_RIGHT with the line that gives one. */
export function actingOn(targets: Targets, host: string): Target {
  const target = targets.acting(host);
  if (!target)
    throw new WarroomError('NO_RIGHT', {
      target: host,
      what: 'change anything',
      mend: noActing(host).mend ?? '',
    });
  return target;
}

export function noActing(host: string): Refusal {
  return {
    refused: `Not possible here: there is no acting account for ${host}.`,
    mend: 'Add to the config: act: { user: warroom-act, key: { file: /etc/warroom/act_ed25519 } }.',
  };
}

export function serviceOf<K extends 'varnish' | 'haproxy' | 'uwsgi'>(
  stack: Stack,
  name: string,
  kind: K,
): ServiceOf<K> {
  const service = stack.service(name, kind);
  if (!service)
    throw new WarroomError('NOT_FOUND', {
      kind: `${kind} service`,
      id: name,
      hint: 'Is it still in the config?',
    });
  return service.config;
}
