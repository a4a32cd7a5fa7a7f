import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { reason, WarroomError } from '../errors/catalogue.ts';
import type { PostgresUrl } from './postgres-url.ts';

/** Length 8, then the code of an SSLRequest. Source: PostgreSQL's "Message Formats". */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

/**
 * The stream, encrypted as the URL's sslmode wants it. As in libpq `require` encrypts without looking at the
 * certificate unless sslrootcert is given, and `prefer` goes on in plain where the server has no TLS.
 */
export async function openTls(stream: Duplex, url: PostgresUrl, target: string): Promise<Duplex> {
  if (url.sslMode === 'disable') return stream;
  const answer = await askForTls(stream, target);
  if (answer === 'N' && url.sslMode === 'prefer') return stream;
  if (answer !== 'S')
    throw unreachable(
      target,
      answer === 'N'
        ? `it has no TLS, and the URL says sslmode=${url.sslMode}`
        : 'it does not answer as PostgreSQL does',
      answer === 'N'
        ? 'Set ssl = on in postgresql.conf, or sslmode=disable in the URL.'
        : 'Is that its port?',
    );
  return encrypted(stream, url, target);
}

function askForTls(stream: Duplex, target: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const ended = () => reject(unreachable(target, 'it hung up at once', 'Is that its port?'));
    stream.once('close', ended);
    stream.once('data', (chunk: Buffer) => {
      stream.off('close', ended);
      stream.pause();
      // What stands behind the answer was sent before the encryption: somebody in between could have put it there.
      if (chunk.length === 1) resolve(chunk.toString('latin1'));
      else resolve('');
    });
    stream.write(SSL_REQUEST);
  });
}

function encrypted(stream: Duplex, url: PostgresUrl, target: string): Promise<Duplex> {
  const checked =
    url.sslMode === 'verify-full' || url.sslMode === 'verify-ca' || url.sslRootCert !== undefined;
  const file = (path: string | undefined) => (path === undefined ? undefined : readFileSync(path));
  return new Promise((resolve, reject) => {
    const fail = (thrown: unknown) =>
      reject(
        unreachable(
          target,
          `TLS failed: ${reason(thrown)}`,
          'sslrootcert in the URL names the certificate authority; sslmode=require does without.',
          thrown,
        ),
      );
    try {
      const ca = file(url.sslRootCert);
      const cert = file(url.sslCert);
      const key = file(url.sslKey);
      const secure = tls.connect({
        socket: stream,
        rejectUnauthorized: checked,
        ...(isIP(url.host) === 0 ? { servername: url.host } : { host: url.host }),
        ...(url.sslMode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
        ...(ca ? { ca } : {}),
        ...(cert ? { cert } : {}),
        ...(key ? { key } : {}),
      });
      secure.once('secureConnect', () => resolve(secure));
      secure.once('error', fail);
      secure.once('close', () => fail('it hung up'));
    } catch (thrown) {
      fail(thrown);
    }
  });
}

function unreachable(target: string, problem: string, mend: string, cause?: unknown): WarroomError {
  return new WarroomError('TARGET_UNREACHABLE', { target, problem, mend }, cause);
}
