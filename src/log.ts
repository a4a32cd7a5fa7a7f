import { type Logger, pino } from 'pino';
import { withoutHidden } from './errors/hidden.ts';

/** The one log. Stacks and causes of foreign errors go into it whole, so each line is looked through for secrets. */
export function openLog(
  destination: { write(line: string): void } = pino.destination({ fd: 2, sync: true }),
): Logger {
  return pino(
    {
      level: process.env['WARROOM_LOG'] ?? 'info',
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    { write: (line: string) => destination.write(withoutHidden(line)) },
  );
}
