import type { Duplex } from 'node:stream';
import type { Target } from '../src/targets/contract.ts';

/** What went over the way to a host. */
export interface Traffic {
  /** Commands run, and connections opened. */
  calls: number;
  bytesIn: number;
  bytesOut: number;
}

/** A target that counts what is asked of it. */
export function counting(target: Target, traffic: Traffic): Target {
  const counted = async (run: Promise<{ stdout: string }>, command: { line: string }) => {
    traffic.calls += 1;
    traffic.bytesOut += command.line.length;
    const output = await run;
    traffic.bytesIn += Buffer.byteLength(output.stdout);
    return output as Awaited<ReturnType<Target['read']>>;
  };
  return {
    name: target.name,
    account: target.account,
    read: (command, options) => counted(target.read(command, options), command),
    exec: (command, options) => counted(target.exec(command, options), command),
    connect: async (address, options) => {
      traffic.calls += 1;
      return tapped(await target.connect(address, options), traffic);
    },
  };
}

/** Counts at the stream's own two ends, so that nobody else notices. */
function tapped(stream: Duplex, traffic: Traffic): Duplex {
  const push = stream.push.bind(stream);
  stream.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (chunk instanceof Uint8Array) traffic.bytesIn += chunk.length;
    return push(chunk, encoding);
  };
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  stream.write = ((chunk: string | Uint8Array, ...rest: unknown[]) => {
    traffic.bytesOut += chunk.length;
    return write(chunk, ...rest);
  }) as Duplex['write'];
  return stream;
}
