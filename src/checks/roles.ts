import { WarroomError } from '../errors/catalogue.ts';
import type { Place } from './contract.ts';

/** NO_RIGHT: the config calls a server a replica, or the primary, that is none, so that its figures would mislead. */
export function wrongRole({ place }: { readonly place: Place }, is: string, mend: string): WarroomError {
  return new WarroomError('NO_RIGHT', {
    target: place.target,
    what: `count ${place.instance} as ${place.server?.role === 'replica' ? 'a replica' : 'the primary'}: it ${is}`,
    mend,
  });
}
