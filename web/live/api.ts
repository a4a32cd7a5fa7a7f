import { me } from './state.ts';

/** A refusal or a failure, in words for a person. `status` 0: the bot could not be reached. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  constructor(
    readonly status: number,
    readonly reason: string,
    readonly mend: string,
    readonly body: unknown,
  ) {
    super(reason);
  }
}

export function get<T>(path: string): Promise<T> {
  return call<T>(path, { method: 'GET' });
}

export function post<T>(path: string, body: object): Promise<T> {
  const csrf = me.value?.csrf;
  return call<T>(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(csrf ? { 'x-csrf-token': csrf } : {}) },
    body: JSON.stringify(body),
  });
}

async function call<T>(path: string, init: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      ...init,
      credentials: 'same-origin',
      cache: 'no-store',
      signal: AbortSignal.timeout(15_000),
    });
  } catch {
    throw new ApiProblem(
      0,
      'The bot could not be reached.',
      'Nothing was changed that you can rely on: look again once it answers.',
      null,
    );
  }
  const body: unknown = await response.json().catch(() => null);
  if (response.ok) return body as T;
  if (response.status === 401) me.value = null;
  const { reason = `It answered ${response.status}.`, mend = '' } = words(body);
  throw new ApiProblem(response.status, reason, mend, body);
}

function words(body: unknown): { reason?: string; mend?: string } {
  if (typeof body !== 'object' || body === null) return {};
  const { reason, mend } = body as Record<string, unknown>;
  return {
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(typeof mend === 'string' ? { mend } : {}),
  };
}
