import { request } from 'node:http';
import type { Duplex } from 'node:stream';
import { reason, WarroomError } from '../../errors/catalogue.ts';
import { socketAddress } from '../../targets/stream.ts';
import type { CollectContext, Probe } from '../contract.ts';
import { plain } from '../rate.ts';
import type { LogFacts } from './facts.ts';
import { knowsJson, readWindow } from './log.ts';
import { logFacts } from './log-facts.ts';

export interface CleanRequest {
  readonly path: string;
  /** Send a cookie along, as a returning visitor does. */
  readonly cookie?: boolean;
  /** As another visitor of this number: with a cookie and a browser that nobody else has. */
  readonly visitor?: number;
  readonly method?: 'GET' | 'HEAD';
}

export interface CleanAnswer {
  readonly status: number;
  readonly location?: string;
  readonly cacheControl?: string;
  readonly setCookie: boolean;
  readonly vary?: string;
  readonly age?: number;
  readonly xVarnish?: string;
  /** What many a VCL adds. */
  readonly xHits?: number;
  readonly xCache?: string;
}

/** Begins as the log's collector knows our own requests by. */
const USER_AGENT = 'Warroom/0.1 (clean request)';
const TIMEOUT_MS = 4000;

/** One request of our own to Varnish, as a visitor without history would send it; redirects are not followed. */
export const cleanRequest: Probe<CleanRequest, CleanAnswer> = {
  id: 'varnish.clean-request',
  async run(context, { path, cookie = false, visitor, method = 'GET' }) {
    const service = context.place.stack.service(context.place.target, 'varnish');
    if (!service || !/^\/[!-~]*$/.test(path) || path.length > 2000)
      throw new WarroomError('BAD_ARGUMENT', {
        command: 'clean request',
        problem: `"${plain(path)}" is no path.`,
      });
    const stream = await connect(context, service.config.address);
    const headers = {
      Host: new URL(service.config.url).host,
      'User-Agent': visitor === undefined ? USER_AGENT : `${USER_AGENT} visitor ${visitor}`,
      Accept: '*/*',
      Connection: 'close',
      ...(cookie || visitor !== undefined ? { Cookie: `sessionid=warroom${visitor ?? ''}` } : {}),
    };
    try {
      return await ask(stream, { method, path, headers }, context.signal);
    } catch (thrown) {
      throw new WarroomError(
        'BAD_ANSWER',
        {
          target: context.place.target,
          expected: `an answer to ${method} ${plain(path)}`,
          problem: reason(thrown),
        },
        thrown,
      );
    } finally {
      stream.on('error', () => undefined);
      stream.destroy();
    }
  },
};

/** Port 80 of the Varnish host itself; where it does not listen on loopback, of its address. */
async function connect(
  { target, place, signal }: CollectContext,
  address: string | undefined,
): Promise<Duplex> {
  const options = { timeoutMs: TIMEOUT_MS, signal };
  if (address !== undefined)
    return target.connect(socketAddress(/:\d+$/.test(address) ? address : `${address}:80`), options);
  try {
    return await target.connect({ host: '127.0.0.1', port: 80 }, options);
  } catch (thrown) {
    if (!place.host || place.host.local || signal.aborted) throw thrown;
    return target.connect({ host: place.host.address, port: 80 }, options);
  }
}

function ask(
  stream: Duplex,
  options: { readonly method: string; readonly path: string; readonly headers: Record<string, string> },
  signal: AbortSignal,
): Promise<CleanAnswer> {
  return new Promise((resolve, reject) => {
    const within = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const sent = request({ ...options, createConnection: () => stream, signal: within }, (response) => {
      const { location, vary, age } = response.headers;
      const header = (name: string) => [response.headers[name]].flat().join(', ');
      // Headers are the answer; the body is not read.
      response.on('error', () => undefined).destroy();
      resolve({
        status: response.statusCode ?? 0,
        setCookie: response.headers['set-cookie'] !== undefined,
        ...(location === undefined ? {} : { location: plain(location, 500) }),
        ...(header('cache-control') === '' ? {} : { cacheControl: plain(header('cache-control')) }),
        ...(vary === undefined ? {} : { vary: plain(vary) }),
        ...(age !== undefined && /^\d{1,10}$/.test(age) ? { age: Number(age) } : {}),
        ...(/^\d{1,10}$/.test(header('x-hits')) ? { xHits: Number(header('x-hits')) } : {}),
        ...(header('x-cache') === '' ? {} : { xCache: plain(header('x-cache'), 60) }),
        ...(header('x-varnish') === '' ? {} : { xVarnish: plain(header('x-varnish'), 60) }),
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** A fresh look at the log, of at most 4 s, apart from the schedule's. */
export const window: Probe<{ readonly seconds: number }, LogFacts> = {
  id: 'varnish.window',
  async run(context, { seconds }) {
    const json = await knowsJson(context);
    return logFacts([await readWindow(context, Math.min(4, Math.max(1, Math.round(seconds))), json)]);
  },
};
