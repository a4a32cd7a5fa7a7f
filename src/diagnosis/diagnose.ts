import type { Logger } from 'pino';
import { reason } from '../errors/catalogue.ts';
import type { Cause, ExplainContext, Explanation, ProbeContext } from './contract.ts';

/** Seconds that all probes of one diagnosis may take together. */
const PROBES_MS = 5000;

/** Asks every cause; those that hold come back, best first. A probe that fails or is late leaves its cause without it. */
export async function diagnose(
  causes: readonly Cause<unknown>[],
  context: ExplainContext,
  ask: ProbeContext['ask'],
  log: Pick<Logger, 'warn'>,
): Promise<Explanation[]> {
  const late = AbortSignal.timeout(PROBES_MS);
  const found = await Promise.all(
    causes.flatMap((cause) =>
      cause.suspects(context).map(async (suspicion) => {
        const probed = cause.probe
          ? await orUndefined(cause.probe(suspicion, { ...context, ask }), late, (problem) =>
              log.warn(
                { problem: reason(problem), cause: cause.id, target: suspicion.target },
                'a probe gave no answer',
              ),
            )
          : undefined;
        return cause.explain(suspicion, context, probed);
      }),
    ),
  );
  return found.filter((explanation) => explanation !== undefined).sort((a, b) => b.score - a.score);
}

async function orUndefined<T>(
  work: Promise<T>,
  late: AbortSignal,
  onProblem: (problem: unknown) => void,
): Promise<T | undefined> {
  const given = new Promise<undefined>((resolve) => {
    late.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  const answered = work.catch((problem: unknown) => {
    onProblem(problem);
    return undefined;
  });
  return Promise.race([answered, given]);
}

/** Those explanations that have to do with an incident: they cover one of its findings. */
export function about(explanations: readonly Explanation[], identities: readonly string[]): Explanation[] {
  return explanations.filter((explanation) =>
    identities.some(
      (id) => explanation.covers.includes(id) || explanation.covers.includes(id.split('/')[0] as string),
    ),
  );
}
