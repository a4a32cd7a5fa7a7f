import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { milliseconds } from '../../config/schema.ts';
import { type ErrorCode, sentence } from '../../errors/catalogue.ts';
import { plainText } from '../../message/build.ts';
import type { Message } from '../../message/contract.ts';
import type { Identity } from '../../people/person.ts';
import type { Desk, PressResult } from '../contract.ts';
import { Refusal } from './refusal.ts';

const WEEK_MS = 7 * 24 * 3_600_000;
const STATES = ['open', 'acknowledged', 'mitigating', 'resolved', 'ended-unverified', 'merged'] as const;

const Press = z.object({ planHash: z.string().min(1).max(128) });
const Typed = z.object({ text: z.string().max(2000) });
const Which = z.object({ state: z.enum(STATES).optional() });
const Series = z.object({
  metric: z.string().min(1).max(100),
  target: z.string().min(1).max(200),
  window: z
    .string()
    .regex(/^\d{1,9}(ms|s|m|h|d)?$/)
    .default('10m'),
});

/** The API of the desk: one route a question, nothing decided here. */
export function deskRoutes(app: FastifyInstance, desk: Desk): void {
  app.get('/api/status', async () => desk.status());
  app.get('/api/findings', async () => desk.findings());
  app.get('/api/notes', async () => desk.notes());
  app.get('/api/incidents', async (request) => desk.incidents(given(Which, request.query).state));
  app.get<{ Params: { id: string } }>('/api/incidents/:id', async (request, reply) => {
    const incident = desk.incident(request.params.id);
    return incident ?? missing(reply, 'incident', request.params.id);
  });
  app.get('/api/complete', async (request) => {
    const { text } = given(Typed, request.query);
    return { completions: desk.complete(text, who(request)).slice(0, 25) };
  });
  app.get('/api/readings', async (request) => {
    const { metric, target, window } = given(Series, request.query);
    const windowMs = /^\d+$/.test(window) ? Number(window) : milliseconds(window);
    return desk.readings({ metric, target, windowMs: Math.min(WEEK_MS, Math.max(1000, windowMs)) });
  });
  app.post('/api/commands', async (request) => desk.launch(given(Typed, request.body).text, who(request)));
  // Somebody who may not is refused by the desk itself, which also writes the press into the audit log.
  for (const press of ['approve', 'refuse'] as const)
    app.post<{ Params: { id: string } }>(
      `/api/proposals/:id/${press}`,
      { config: { anybody: true } },
      async (request, reply) => {
        const { planHash } = given(Press, request.body);
        const result = await desk[press](request.params.id, planHash, who(request));
        return pressed(reply, result, maySee(desk, who(request)));
      },
    );
  app.post('/api/marks', { config: { anybody: true } }, async (request, reply) => {
    const { text } = given(Typed, request.body);
    if (text.trim() === '') throw new Refusal('BAD_REQUEST', 'text is empty');
    return pressed(reply, await desk.mark(text, who(request)), maySee(desk, who(request)));
  });
}

export function maySee(desk: Desk, identity: Identity): boolean {
  return desk.whoIs(identity).rights.includes('see');
}

function pressed(reply: FastifyReply, result: PressResult, showMessage: boolean): object {
  if (result.ok)
    return {
      ok: true,
      ...(result.proposal ? { state: result.proposal.state, proposal: result.proposal } : {}),
      message: result.message,
    };
  const codes = {
    403: 'NOT_ALLOWED',
    404: 'NOT_FOUND',
    409: 'NOT_PENDING',
    503: 'STORE_FULL',
  } as const satisfies Record<number, ErrorCode>;
  reply.code(result.status);
  return {
    error: codes[result.status],
    reason: result.reason,
    mend: showMessage ? mendOf(result.message) : '',
    ...(showMessage ? { message: result.message } : {}),
  };
}

/** A refusal's message says what was refused, then how that is mended. */
function mendOf(message: Message): string {
  return message.blocks
    .flatMap((block) => (block.kind === 'text' ? [plainText(block.text)] : []))
    .slice(1)
    .join(' ');
}

function missing(reply: FastifyReply, kind: string, id: string): object {
  reply.code(404);
  return {
    error: 'NOT_FOUND',
    reason: sentence('NOT_FOUND', { kind, id: id.slice(0, 40), hint: '' }),
    mend: 'GET /api/incidents lists all.',
  };
}

function who(request: FastifyRequest): Identity {
  if (!request.caller) throw new Refusal('NOT_SIGNED_IN');
  return request.caller.identity;
}

function given<S extends z.ZodType>(shape: S, value: unknown): z.output<S> {
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new Refusal('BAD_REQUEST', `${issue?.path.join('.') || 'body'}: ${issue?.message ?? ''}`);
}
