import { readdirSync, readFileSync } from 'node:fs';
import { makeCpuGroup } from '../../../lab/cgroup.ts';
import { sideGroup } from '../../../lab/host.ts';
import type { Lab } from '../../../lab/index.ts';
import { coresOf } from '../../../lab/plan.ts';
import type { Plants } from './plants.ts';

export const WATCHED = 'app1';
const SAMPLE_MS = 100;

/** Processes of a careless team on a watched host. Their scripts come by standard input: only they themselves show them. */
export async function carelessProcesses(lab: Lab, plants: Plants): Promise<void> {
  const p = (kind: string, form?: (marker: string) => string) =>
    plants.plant(`argument of a process: ${kind}`, form);
  const sleeper = `-c 'import time; time.sleep(900)' ${plants.control}`;
  const lines = [
    // What they are called is what tells their flags apart.
    'for name in mysqldump redis-cli curl worker; do ln -sf /usr/bin/python3 /tmp/$name; done',
    `/tmp/mysqldump ${sleeper} -p${p('mysqldump -pX')} &`,
    `/tmp/redis-cli ${sleeper} -a ${p('redis-cli -a X')} &`,
    `/tmp/curl ${sleeper} -u ada:${p('curl -u')} -H 'X-Auth: ${p('curl -H')}' &`,
    `/tmp/worker ${sleeper} --token ${p('--token X')} --db mysql://shop:${p('password in a URL')}@db1/shop &`,
    `/tmp/worker ${sleeper} 'Authorization: Bearer ${p('Authorization: Bearer')}' &`,
    `/tmp/worker ${sleeper} Authorization: Bearer ${p('Authorization: Bearer, three words')} &`,
    `/tmp/worker ${sleeper} configure set aws_secret_access_key ${p('aws_secret_access_key X')} &`,
    `/tmp/worker ${sleeper} ${p('AWS-like key id', (m) => `AKIA${m.toUpperCase()}`)} &`,
    `/tmp/worker ${sleeper} clone https://${p('token as the user of a URL')}@github.com/shop/shop &`,
    `/tmp/worker ${sleeper} --url='https://cdn/x?sig=${p('signed URL')}#${p('fragment of a URL')}' &`,
    `/tmp/worker ${sleeper} 'wget --header="Cookie: a=1; sid=${p('Cookie within a script')}" http://x' &`,
    `SHOP_DB_PASSWORD=${plants.plant('environment variable of a process')} /tmp/worker ${sleeper} env &`,
  ];
  const hot = `setsid -f setpriv --reuid=nobody --regid=nogroup --clear-groups timeout 1800 sh -c 'while :; do :; done' nightly-report ${plants.control} --password=${p('--password=X of the hot one')} `;
  const quiet = '</dev/null >/dev/null 2>&1';
  const group = sideGroup(lab.state.number, WATCHED);
  makeCpuGroup(group, 1);
  const start = lines.map((line) => line.replace(/ &$/, ` ${quiet} &`)).join('\n');
  await lab.exec(WATCHED, ['sh', '-s'], { input: `${start}\n${hot} ${quiet}\n`, group });
  // As the fault pinned-core has it: all of one core of its host, and not more of the machine.
  makeCpuGroup(group, coresOf(WATCHED) * 1.05);
}

export async function endProcesses(lab: Lab): Promise<void> {
  const input = 'pkill -KILL -f nightly-report; pkill -KILL -f "time.sleep.900"; true\n';
  await lab.exec(WATCHED, ['sh', '-s'], { input }).catch(() => undefined);
}

/** Every command line that was there at some moment: the machine's, the bot's helpers', and those of all lab hosts. */
export class ProcessList {
  readonly #seen = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  samples = 0;

  constructor() {
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Without the processes that were planted with secrets, which carry the control's marker. */
  text(plants: Plants): string {
    return [...this.#seen].filter((line) => !isPlanted(line, plants)).join('\n');
  }

  planted(plants: Plants): string {
    return [...this.#seen].filter((line) => isPlanted(line, plants)).join('\n');
  }

  #sample(): void {
    this.samples += 1;
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        if (line !== '') this.#seen.add(line);
      } catch {
        // It ended in between.
      }
    }
  }
}

function isPlanted(line: string, plants: Plants): boolean {
  return plants.holdsControl(line) && /time\.sleep|nightly-report/.test(line);
}
