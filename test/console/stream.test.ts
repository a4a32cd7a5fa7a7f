import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WarroomError } from '../../src/errors/catalogue.ts';
import { type Bench, bench, testConfig } from './bench.ts';
import { type Session, signedIn } from './client.ts';

let one: Bench;
beforeEach(async () => {
  one = await bench();
});
afterEach(() => one.close());

/** Reads a stream's events until it ends. */
class Reader {
  readonly events: { readonly type: string; readonly id: string; readonly data: string }[] = [];
  readonly stop = new AbortController();
  ended = false;

  async follow(session: Session): Promise<this> {
    const answer = await session.get('/api/stream', this.stop.signal);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toContain('text/event-stream');
    void this.#read(answer).catch(() => undefined);
    await this.until((events) => events.some((event) => event.type === 'hello'));
    return this;
  }
  async until(met: (events: Reader['events']) => boolean): Promise<void> {
    await expect.poll(() => met(this.events), { timeout: 5000, interval: 10 }).toBe(true);
  }
  async #read(answer: Response): Promise<void> {
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      const parts = text.split('\n\n');
      text = parts.pop() ?? '';
      for (const part of parts) {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(part)?.[1] ?? '';
        this.events.push({ type: field('event'), id: field('id'), data: field('data') });
      }
    }
    this.ended = true;
  }
}

describe('the stream', () => {
  it('tells every change with the id of its event, in order', async () => {
    const reader = await new Reader().follow(await signedIn(one, 'ada'));
    one.desk.open();
    one.desk.step('12-A', 0, 'applied');
    one.desk.tick();
    await reader.until((events) => events.filter((event) => event.type === 'status').length > 0);
    const told = reader.events.filter((event) => ['incident', 'status', 'note'].includes(event.type));
    expect(told.map((event) => event.type)).toContain('incident');
    const ids = told.map((event) => Number(event.id));
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    reader.stop.abort();
  });

  it('says who is here', async () => {
    const first = await new Reader().follow(await signedIn(one, 'ada'));
    const second = await new Reader().follow(await signedIn(one, 'ben'));
    await first.until((events) => events.some((event) => event.data === '{"names":["ada","ben"]}'));
    second.stop.abort();
    await first.until((events) => events.at(-1)?.data === '{"names":["ada"]}');
    first.stop.abort();
  });

  it('ends with its session, before the next event is told', async () => {
    const session = await signedIn(one, 'ada');
    const reader = await new Reader().follow(session);
    await session.post('/api/signout', {});
    one.desk.open();
    await expect.poll(() => reader.ended).toBe(true);
    expect(reader.events.some((event) => event.type === 'incident')).toBe(false);
  });

  it('ends when the right to see is taken away', async () => {
    const reader = await new Reader().follow(await signedIn(one, 'ben'));
    one.config = { ...one.config, people: { ...one.config.people, ben: { console: 'ben', may: [] } } };
    one.desk.open();
    await expect.poll(() => reader.ended).toBe(true);
    expect(reader.events.some((event) => event.type === 'incident')).toBe(false);
  });

  it('ends with the console, and leaves no listener at the desk', async () => {
    const reader = await new Reader().follow(await signedIn(one, 'ada'));
    expect(one.desk.listeners).toBe(1);
    await one.stop();
    await expect.poll(() => reader.ended).toBe(true);
    expect(one.desk.listeners).toBe(0);
    await one.restart();
  });

  it('has a bound, and says so', async () => {
    const session = await signedIn(one, 'ada');
    const stop = new AbortController();
    const answers = await Promise.all(
      Array.from({ length: 201 }, () => session.get('/api/stream', stop.signal)),
    );
    const codes = answers.map((answer) => answer.status).sort();
    expect(codes.filter((code) => code === 200)).toHaveLength(200);
    expect(codes.at(-1)).toBe(503);
    stop.abort();
  });

  it('drops a reader that does not keep up', async () => {
    const session = await signedIn(one, 'ada');
    const answer = await session.get('/api/stream');
    const long = {
      blocks: [{ kind: 'text' as const, text: [{ kind: 'foreign' as const, text: 'x'.repeat(500_000) }] }],
    };
    // Nobody reads: the socket's buffers fill, then the server's own.
    for (let i = 0; i < 60; i++) {
      one.desk.post({ id: `long${i}`, at: one.now, editedAt: null, message: long });
      await new Promise((resolve) => setImmediate(resolve));
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
    const read = async () => {
      let size = 0;
      for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) size += chunk.length;
      return size;
    };
    await expect(read()).rejects.toThrow();
  });
});

describe('listening', () => {
  it('says which address is taken, and what to set', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    const failed = await bench({ listen: `127.0.0.1:${port}` }).catch((thrown: unknown) => thrown);
    taken.close();
    expect(failed).toBeInstanceOf(WarroomError);
    expect((failed as WarroomError).code).toBe('ADDRESS_IN_USE');
    expect((failed as WarroomError).message).toContain('console.listen');
  });

  it('behind a public address answers to that name, and its cookie is secure', async () => {
    const { doorsOf, publicUrl } = await import('../../src/bot/console/doors.ts');
    const config = testConfig({ publicUrl: 'https://warroom.example/' });
    const doors = doorsOf(config, { host: '127.0.0.1', port: 7080 });
    expect(publicUrl(config, { host: '127.0.0.1', port: 7080 })).toBe('https://warroom.example');
    expect(doors.host('warroom.example')).toBe(true);
    expect(doors.host('localhost:7080')).toBe(true);
    expect(doors.host('warroom.example.evil.example')).toBe(false);
    expect(doors.origin('https://warroom.example')).toBe(true);
    expect(doors.origin('http://warroom.example')).toBe(false);
  });

  it('in a container lets addresses in, but no foreign name', async () => {
    const { doorsOf } = await import('../../src/bot/console/doors.ts');
    const doors = doorsOf(testConfig(), { host: '0.0.0.0', port: 7080 });
    for (const host of ['172.17.0.2:7080', '[fe80::1]:80', 'localhost:8080', '127.0.0.1:7080'])
      expect(doors.host(host)).toBe(true);
    for (const host of ['evil.example', '1.2.3.4.evil.example', '', undefined])
      expect(doors.host(host)).toBe(false);
    expect(doors.origin('http://172.17.0.2:7080')).toBe(true);
    expect(doors.origin('http://evil.example')).toBe(false);
  });
});
