import { expect, it } from 'vitest';
import { Secret } from '../../src/config/secret.ts';
import { DirectTarget } from '../../src/targets/direct.ts';
import { type LinkKind, Links } from '../../src/targets/links.ts';

interface Client {
  readonly id: number;
  closed: boolean;
}

function setUp(survives = false) {
  const made: Client[] = [];
  const kind: LinkKind<Client> = {
    id: 'test',
    open: async () => {
      const client = { id: made.length, closed: false };
      made.push(client);
      return client;
    },
    close: (client) => {
      client.closed = true;
    },
    survives: () => survives,
  };
  let now = 0;
  const links = new Links(
    (source) => new Secret(String(source)),
    () => now,
  );
  const use = <R>(work: (client: Client) => Promise<R>, signal = new AbortController().signal) =>
    links.use(kind, { via: new DirectTarget('db'), source: 'test://db', signal }, work);
  return { made, links, use, later: (ms: number) => (now += ms) };
}

it('keeps a client between uses, and opens at most three', async () => {
  const { made, use } = setUp();
  await use(async () => undefined);
  await use(async () => undefined);
  expect(made).toHaveLength(1);
  let most = 0;
  let busy = 0;
  await Promise.all(
    Array.from({ length: 10 }, () =>
      use(async () => {
        busy += 1;
        most = Math.max(most, busy);
        await new Promise((go) => setImmediate(go));
        busy -= 1;
      }),
    ),
  );
  expect(most).toBe(3);
  expect(made).toHaveLength(3);
});

it('throws a client away whose work failed, unless its kind says that it survives', async () => {
  const fails = async () => {
    throw new Error('no');
  };
  const first = setUp(false);
  await expect(first.use(fails)).rejects.toThrow('no');
  expect(first.made[0]?.closed).toBe(true);
  const second = setUp(true);
  await expect(second.use(fails)).rejects.toThrow('no');
  expect(second.made[0]?.closed).toBe(false);
  await second.use(async () => undefined);
  expect(second.made).toHaveLength(1);
});

it('ends the client when the caller gives up, and gives its place to the next', async () => {
  const { made, use } = setUp(true);
  const given = new AbortController();
  const never = use(() => new Promise<void>(() => undefined), given.signal);
  await Promise.resolve();
  given.abort();
  await expect(never).rejects.toMatchObject({ code: 'TARGET_DEADLINE' });
  expect(made[0]?.closed).toBe(true);
  await use(async (client) => expect(client.id).toBe(1));
});

it('one that waits for its turn may give up too', async () => {
  const { use } = setUp();
  const ends: (() => void)[] = [];
  const held = Array.from({ length: 3 }, () => use(() => new Promise<void>((end) => ends.push(end))));
  await new Promise((go) => setImmediate(go));
  const given = new AbortController();
  const waiting = use(async () => undefined, given.signal);
  given.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'TARGET_DEADLINE' });
  for (const end of ends) end();
  await Promise.all(held);
  await use(async () => undefined);
});

it('closes clients that nobody used for a while but one, and all at the end', async () => {
  const { made, links, use, later } = setUp();
  await Promise.all(Array.from({ length: 3 }, () => use(async () => new Promise((go) => setImmediate(go)))));
  later(100_000);
  await use(async () => undefined);
  expect(made.filter((client) => client.closed)).toHaveLength(2);
  links.close();
  expect(made.every((client) => client.closed)).toBe(true);
});
