import http from 'node:http';
import { reason, WarroomError } from '../../errors/catalogue.ts';
import type { CollectContext, Probe } from '../contract.ts';

export interface CleanRequest {
  readonly path: string;
  /** With a visitor's cookie that no application knows. */
  readonly cookie?: boolean;
}
export interface CleanAnswer {
  readonly status: number;
  readonly location?: string;
  readonly cacheControl?: string;
  readonly setCookie: boolean;
  readonly vary?: string;
}

const TIMEOUT_MS = 4_000;

/** A request of our own, as a visitor without history would send it, through the Varnish host's own address. */
export const cleanRequest: Probe<CleanRequest, CleanAnswer> = { id: 'varnish.clean-request', run: ask };

async function ask({ place, target }: CollectContext, { path, cookie }: CleanRequest): Promise<CleanAnswer> {
  const config = place.stack.service(place.target, 'varnish')?.config;
  if (!config) throw new WarroomError('NOT_FOUND', { kind: 'varnish service', id: place.target, hint: '' });
  const [host = '127.0.0.1', port = '80'] = (config.address ?? `${place.host.address}:80`).split(':');
  const socket = await target.connect({ host, port: Number(port) }, { timeoutMs: TIMEOUT_MS });
  const headers = {
    Host: new URL(config.url).host,
    'User-Agent': 'Warroom (clean request)',
    Connection: 'close',
    ...(cookie ? { Cookie: 'sessionid=warroom' } : {}),
  };
  return new Promise((resolve, reject) => {
    const fail = (problem: string) => {
      socket.destroy();
      reject(
        new WarroomError('TARGET_UNREACHABLE', { target: `${place.target} ${path}`, problem, mend: '' }),
      );
    };
    const request = http.request(
      { path, method: 'GET', headers, createConnection: () => socket as never },
      (response) => {
        response.resume();
        socket.destroy();
        const one = (name: string) => {
          const value = response.headers[name];
          return typeof value === 'string' ? value : undefined;
        };
        const location = one('location');
        const cacheControl = one('cache-control');
        const vary = one('vary');
        resolve({
          status: response.statusCode ?? 0,
          setCookie: response.headers['set-cookie'] !== undefined,
          ...(location === undefined ? {} : { location }),
          ...(cacheControl === undefined ? {} : { cacheControl }),
          ...(vary === undefined ? {} : { vary }),
        });
      },
    );
    request.setTimeout(TIMEOUT_MS, () => fail(`no answer within ${TIMEOUT_MS} ms`));
    request.once('error', (error) => fail(reason(error)));
    request.end();
  });
}
