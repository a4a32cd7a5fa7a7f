import { setTimeout as after } from 'node:timers/promises';
import { bench } from './bench.ts';

/** Serves the console on the fake desk and tells the story in a loop: `npx tsx test/console/preview.ts`. */
const one = await bench({ listen: process.argv[2] ?? '127.0.0.1:7081' });
console.log('ada (approves):  %s', await one.link('ada'));
console.log('ben (operates):  %s', await one.link('ben'));
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
process.once('SIGTERM', () => stop.abort());
const started = Date.now() - one.now;
setInterval(() => {
  one.now = Date.now() - started;
}, 100).unref();
setInterval(() => one.desk.tick(), 2000).unref();
try {
  await after(5000, undefined, { signal: stop.signal });
  one.desk.open();
  for (;;) {
    await after(1000, undefined, { signal: stop.signal });
    for (const proposal of one.desk.incident('12')?.proposals ?? []) {
      if (proposal.state !== 'approved') continue;
      for (const { index } of proposal.steps) {
        one.desk.step(proposal.id, index, 'applying');
        await after(1200, undefined, { signal: stop.signal });
        one.desk.step(proposal.id, index, 'applied');
      }
      one.desk.settle(proposal.id);
      await after(5000, undefined, { signal: stop.signal });
      one.desk.keep(proposal.id);
    }
  }
} catch {
  await one.close();
}
