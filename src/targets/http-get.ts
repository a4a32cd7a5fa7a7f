import { createHash } from 'node:crypto';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { reason, WarroomError } from '../errors/catalogue.ts';
import type { SocketAddress, Target } from './contract.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly location: string | undefined;
  readonly cacheControl: string;
  readonly setsCookie: boolean;
  readonly bodyHash: string;
}

const MAX_BODY = 1024 * 1024;

/** One GET over a target's own network, without cookie unless given; redirects are not followed. */
export async function httpGet(
  target: Target,
  address: SocketAddress,
  ask: {
    readonly path: string;
    readonly host: string;
    readonly cookie?: string;
    readonly signal: AbortSignal;
  },
): Promise<HttpAnswer> {
  const stream = await target.connect(address, { timeoutMs: 5000, signal: ask.signal });
  const headers = {
    Host: ask.host,
    'User-Agent': 'warroom',
    Accept: '*/*',
    Connection: 'close',
    ...(ask.cookie === undefined ? {} : { Cookie: ask.cookie }),
  };
  try {
    return await new Promise<HttpAnswer>((resolve, reject) => {
      const sent: ClientRequest = request(
        { createConnection: () => stream, method: 'GET', path: ask.path, headers, signal: ask.signal },
        (response) => void read(response).then(resolve, reject),
      );
      sent.on('error', reject);
      sent.end();
    });
  } catch (thrown) {
    throw new WarroomError(
      'BAD_ANSWER',
      { target: target.name, expected: `an answer to GET ${ask.path}`, problem: reason(thrown) },
      thrown,
    );
  } finally {
    stream.destroy();
  }
}

async function read(response: IncomingMessage): Promise<HttpAnswer> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // The hash of the beginning is enough to tell two pages apart.
    if (bytes <= MAX_BODY) hash.update(chunk);
    else break;
  }
  return {
    status: response.statusCode ?? 0,
    location: response.headers.location,
    cacheControl: response.headers['cache-control'] ?? '',
    setsCookie: response.headers['set-cookie'] !== undefined,
    bodyHash: hash.digest('hex'),
  };
}
