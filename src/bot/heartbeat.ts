import type { Secret } from '../config/secret.ts';
import { reason } from '../errors/catalogue.ts';
import type { HealthBoard } from '../health/health.ts';

const EACH_MS = 60_000;
const CALL_MS = 10_000;

export interface HeartbeatOptions {
  /** Undefined when the config has none (any more). */
  readonly address: () => Secret | undefined;
  /** Whether the rounds go on: a bot that sees nothing must not sound alive. */
  readonly alive: () => boolean;
  readonly health: HealthBoard;
  readonly fetch?: typeof fetch;
  readonly eachMs?: number;
}

/** Calls the address each minute, so that somebody outside notices when Warroom itself is gone. */
export function startHeartbeat({ address, alive, health, ...options }: HeartbeatOptions): { stop(): void } {
  const ask = options.fetch ?? fetch;
  const stopping = new AbortController();
  const beat = async () => {
    const to = address();
    if (!to || !alive()) return;
    try {
      const answer = await ask(to.reveal(), {
        signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(CALL_MS)]),
      });
      await answer.body?.cancel();
      if (!answer.ok) throw new Error(`it answered ${answer.status}`);
      health.report({ part: 'chat:heartbeat', state: 'ok', what: 'is taken' });
    } catch (thrown) {
      if (stopping.signal.aborted) return;
      health.report({
        part: 'chat:heartbeat',
        state: 'degraded',
        what: `the heartbeat is not taken: ${reason(thrown)}`,
        mend: 'See that the address of heartbeat is right and that it can be reached from here.',
      });
    }
  };
  const timer = setInterval(() => void beat(), options.eachMs ?? EACH_MS);
  timer.unref();
  void beat();
  return {
    stop: () => {
      clearInterval(timer);
      stopping.abort();
    },
  };
}
