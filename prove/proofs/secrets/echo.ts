import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Echo {
  readonly url: string;
  /** How often it was called. */
  calls(): number;
  stop(): Promise<void>;
}

/** A server that answers 500 and says back all that it was given: address, credentials, body. */
export async function echoServer(): Promise<Echo> {
  let calls = 0;
  const server = createServer((request, response) => {
    calls += 1;
    const { authorization = '' } = request.headers;
    const said = `${request.url ?? ''} ${authorization}`;
    const status = said.replace(/[^\x20-\x7e]/g, '').slice(0, 300);
    response.writeHead(500, status, { 'content-type': 'application/json', 'x-echo': status });
    response.end(JSON.stringify({ ok: false, error: said, message: said, code: 0 }));
    request.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: () => calls,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
