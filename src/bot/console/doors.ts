import { isIP } from 'node:net';
import type { Config } from '../../config/schema.ts';

/** Which Host and Origin headers the console answers to: a page of another name must not be able to talk to it. */
export interface Doors {
  host(header: string | undefined): boolean;
  origin(header: string | undefined): boolean;
}

export interface Listening {
  readonly host: string;
  readonly port: number;
}

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/;
const EVERYWHERE = /^(0\.0\.0\.0|::)$/;

export function doorsOf(config: Config, listening: Listening): Doors {
  const publicUrl = config.console.publicUrl ? new URL(config.console.publicUrl) : undefined;
  const own = ownNames(listening);
  const hosts = new Set([...own, ...(publicUrl ? [publicUrl.host.toLowerCase()] : [])]);
  const origins = new Set([...own.map((name) => `http://${name}`), ...(publicUrl ? [publicUrl.origin] : [])]);
  // Without a publicUrl a container cannot know its own address. Rebinding needs a name, so addresses are let in.
  const anyAddress = !publicUrl && EVERYWHERE.test(listening.host);
  return {
    host: (header) => {
      const name = header?.toLowerCase() ?? '';
      return hosts.has(name) || (anyAddress && isAddress(name));
    },
    origin: (header) => {
      const name = header?.toLowerCase() ?? '';
      return (
        origins.has(name) ||
        (anyAddress && name.startsWith('http://') && isAddress(name.slice('http://'.length)))
      );
    },
  };
}

/** Where a person opens the console. */
export function publicUrl(config: Config, listening: Listening): string {
  if (config.console.publicUrl) return config.console.publicUrl.replace(/\/+$/, '');
  const host = EVERYWHERE.test(listening.host) ? '127.0.0.1' : listening.host;
  return `http://${bracketed(host)}:${listening.port}`;
}

export function bracketed(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}

function ownNames({ host, port }: Listening): string[] {
  const names =
    LOOPBACK.test(host) || EVERYWHERE.test(host)
      ? ['127.0.0.1', '[::1]', 'localhost', bracketed(host)]
      : [bracketed(host)];
  // A browser leaves the port out when it is http's own.
  return names.flatMap((name) => [`${name}:${port}`, ...(port === 80 ? [name] : [])]);
}

/** `10.0.0.5:8080`, `[fe80::1]`, or localhost with any port (a published port of a container). */
function isAddress(header: string): boolean {
  const [, v6, other] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::\d{1,5})?$/.exec(header) ?? [];
  if (v6 !== undefined) return isIP(v6) === 6;
  return other !== undefined && (isIP(other) === 4 || other === 'localhost');
}
