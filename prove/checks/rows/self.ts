import { execFileSync } from 'node:child_process';
import { connect } from 'node:net';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import type { Lab } from '../../../lab/index.ts';
import { BALANCER_PORT, USER_SOCKET } from '../../../lab/services/haproxy.ts';
import { slackStage } from '../../chat/slack-stage.ts';
import { fill, tinyDisk } from '../../disk.ts';
import { type Act, eventually } from '../../proof.ts';
import { botAlone } from '../own-bot.ts';
import type { LabRow, OwnRow, Row, TestRow } from '../row.ts';

const CUT_HOST = 'cache2';
const SSH_PORT = 22;
const LIAR = 'stats-liar';
const CONNECTED_MS = 30_000;
/** A message may wait a minute; then it is late. */
const LATE_S = 100;
const RETRY_AFTER_S = 5;

let cutAt = 0;

const onLab: readonly LabRow[] = [
  {
    check: 'self.connectivity',
    parts: ['cache'],
    fault: {
      name: `network-cut of ${CUT_HOST}`,
      on: async (lab) => {
        cutAt = Date.now();
        await lab.fault('network-cut', true, { host: CUT_HOST });
      },
      off: (lab) => lab.fault('network-cut', false, { host: CUT_HOST }),
    },
    mine: (finding) => finding.subject === CUT_HOST,
    evidence: [new RegExp(CUT_HOST), /no answer within/, /ssh -p 22 \S+@10\.77\.\d+\.42 uptime/],
    figure: async (lab, { subject = '', summary }) => {
      const answers = await opens(lab.address(subject), SSH_PORT);
      const told = secondsIn(summary);
      const cut = (Date.now() - cutAt) / 1000;
      return {
        right: !answers && told <= cut + 2 && cut - told < 20,
        says: `port ${SSH_PORT} of ${subject} ${answers ? 'answers' : 'is silent'}, cut off for ${cut.toFixed(0)} s`,
      };
    },
  },
  {
    check: 'self.collectors',
    parts: ['web'],
    fault: {
      name: 'HAProxy’s statistics socket answers rubbish while it serves',
      on: liesOn,
      off: truthAgain,
    },
    mine: (finding) => /balancer\/lb1/.test(finding.summary),
    evidence: [/balancer\/lb1\/\w+/, /HAProxy/, /warroom doctor/],
    figure: async (lab, finding) => {
      const said = (await asksSocket(lab)).slice(0, 40);
      const serves = await opens(lab.address('lb1'), BALANCER_PORT);
      const named = finding.evidence.flatMap((one) => (one.kind === 'table' ? one.rows : []));
      const own = named.filter(([part]) => String(part).startsWith('balancer/lb1/'));
      return {
        right: !said.includes('pxname') && serves && own.length > 0 && finding.value === named.length,
        says: `by hand the socket says "${said.trim()}", port ${BALANCER_PORT} ${serves ? 'serves' : 'is silent'}; ${own.length} collectors ask it`,
      };
    },
  },
];

const onTheirOwn: readonly OwnRow[] = [
  {
    check: 'self.store',
    firesWithin: 30,
    evidence: [/disk is full/, /not writable/, /df -h \/\S+disk/, /approvals are refused/],
    stage: async (act) => {
      const disk = tinyDisk(act);
      const bot = await botAlone(act, disk);
      let free: () => void = () => undefined;
      act.after(() => free());
      return {
        bot,
        fault: {
          name: 'the disk of the store is filled to its last byte',
          on: async () => {
            free = fill(disk);
          },
          off: async () => free(),
        },
        figure: async () => {
          const left = Number(
            execFileSync('df', ['-B1', '--output=avail', disk], { encoding: 'utf8' }).split('\n')[1],
          );
          return { right: left === 0, says: `df: ${left} bytes are left for it` };
        },
      };
    },
  },
  {
    check: 'self.chat',
    evidence: [/slack/, /ECONNREFUSED|connect|socket/i, /delivered in order/],
    stage: async (act) => {
      const { chat, bot } = await onSlack(act);
      return {
        bot,
        fault: {
          name: 'Slack is away: nothing listens at its API',
          on: () => chat.standIn.stop(),
          off: async () => {
            await chat.standIn.start();
          },
        },
        figure: async ({ subject }) => {
          const answers = await fetch(`${chat.standIn.api}api.test`, {
            signal: AbortSignal.timeout(3000),
          }).then(
            ({ status }) => String(status),
            (thrown: Error) => String((thrown.cause as { code?: string } | undefined)?.code ?? thrown.name),
          );
          return {
            right: answers === 'ECONNREFUSED' && subject === 'slack',
            says: `its API by hand: ${answers}`,
          };
        },
      };
    },
  },
  {
    check: 'self.outbox',
    firesWithin: LATE_S,
    evidence: [/slack/, /messages to slack wait/, /Nothing is lost/],
    stage: async (act) => {
      const { chat, bot, dir } = await onSlack(act);
      return {
        bot,
        fault: {
          name: 'Slack answers 429 to every post, and three marks wait',
          on: async () => {
            chat.standIn.rules.mood = (method) =>
              method.startsWith('chat.') ? { kind: 'rate-limit', retryAfter: RETRY_AFTER_S } : undefined;
            for (const text of ['one', 'two', 'three']) await bot.post('/api/marks', { text }, 'ada');
          },
          off: async () => {
            chat.standIn.rules.mood = () => undefined;
          },
        },
        figure: async (finding) => {
          const { count, seconds } = waitingIn(dir);
          const [, told, age] =
            /(\d+) messages to slack wait, the oldest for (\d+) s/.exec(finding.summary) ?? [];
          return {
            right: Number(told) === count && Math.abs(Number(age) - seconds) <= 8,
            says: `the outbox by sqlite: ${count} unsent, the oldest for ${seconds.toFixed(0)} s`,
          };
        },
      };
    },
  },
];

const byTests: readonly TestRow[] = [
  {
    check: 'self.clock',
    test: 'test/checks/self/clock.test.ts',
    named: 'clocks',
    because: 'all hosts of the lab share this machine’s clock',
  },
  {
    check: 'self.fixes',
    test: 'test/remediations/kept-fixes.test.ts',
    named: 'a fix that was kept',
    because: 'a fix must first be approved and kept, which is what story-1 shows',
  },
];

export const SELF_ROWS: readonly Row[] = [...onLab, ...onTheirOwn, ...byTests];

/** HAProxy keeps listening on its socket under another name; at the old one stands somebody who talks nonsense. */
async function liesOn(lab: Lab): Promise<void> {
  const script = `[ -S ${USER_SOCKET}.own ] && exit 0
mv ${USER_SOCKET} ${USER_SOCKET}.own`;
  await lab.exec('lb1', ['sh', '-s'], { input: script });
  await lab.daemon('lb1', LIAR, ['python3', '-c', LIES, USER_SOCKET]);
}

async function truthAgain(lab: Lab): Promise<void> {
  await lab.stopDaemon('lb1', LIAR);
  const script = `[ -S ${USER_SOCKET}.own ] || exit 0
rm -f ${USER_SOCKET}
mv ${USER_SOCKET}.own ${USER_SOCKET}`;
  await lab.exec('lb1', ['sh', '-s'], { input: script });
}

const LIES = `
import os, shutil, socket, sys
path = sys.argv[1]
own = os.stat(path + ".own")
server = socket.socket(socket.AF_UNIX)
server.bind(path)
os.chown(path, own.st_uid, own.st_gid)
os.chmod(path, 0o660)
server.listen(16)
while True:
    client, _ = server.accept()
    try:
        client.settimeout(2)
        client.recv(4096)
        client.sendall(b"<html>I am a teapot</html>\\n")
    except OSError:
        pass
    finally:
        client.close()
`;

function asksSocket(lab: Lab): Promise<string> {
  const script = `import socket, sys
server = socket.socket(socket.AF_UNIX)
server.settimeout(3)
server.connect(sys.argv[1])
server.sendall(b"show stat\\n")
sys.stdout.write(server.recv(4096).decode("utf-8", "replace"))`;
  return lab.exec('lb1', ['python3', '-c', script, USER_SOCKET]);
}

async function onSlack(act: Act) {
  const chat = await slackStage();
  act.after(() => chat.stop());
  const dir = act.folder();
  const bot = await botAlone(act, dir, chat);
  await eventually(
    'Slack and the hello',
    () => (chat.connected() && chat.cards().length >= 2) || undefined,
    CONNECTED_MS,
  );
  return { chat, bot, dir };
}

/** Whether somebody takes a connection there. */
function opens(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2000 });
    const end = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket
      .once('connect', () => end(true))
      .once('timeout', () => end(false))
      .once('error', () => end(false));
  });
}

/** `12 s`, `1 min 5 s` -> seconds. */
function secondsIn(text: string): number {
  const minutes = Number(/(\d+) min/.exec(text)?.[1] ?? 0);
  return minutes * 60 + Number(/(\d+) s\b/.exec(text)?.[1] ?? 0);
}

function waitingIn(dir: string): { count: number; seconds: number } {
  const db = new Sqlite(join(dir, 'warroom.db'), { readonly: true });
  try {
    const row = db
      .prepare(
        "select count(*) as n, min(queued_at) as oldest from outbox where state in ('queued', 'sending', 'uncertain')",
      )
      .get() as { n: number; oldest: number | null };
    return { count: row.n, seconds: row.oldest === null ? 0 : (Date.now() - row.oldest) / 1000 };
  } finally {
    db.close();
  }
}
