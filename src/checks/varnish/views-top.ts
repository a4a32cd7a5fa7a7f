import { WarroomError } from '../../errors/catalogue.ts';
import { type Command, sh } from '../../targets/command.ts';
import type { CollectContext, Evidence, View } from '../contract.ts';
import { pathOf, plain } from '../rate.ts';
import { redactText } from '../redact.ts';
import { explainFailure, instanceOf } from './command.ts';

/** Tags of the log that may be counted; those with cookies and credentials are not among them. */
const TAGS = [
  'RespStatus',
  'ReqURL',
  'ReqMethod',
  'BereqURL',
  'BerespStatus',
  'VCL_call',
  'FetchError',
  'VCL_Error',
  'Error',
] as const;
const FETCHED = 20_000;

async function counted(
  context: CollectContext,
  title: string,
  command: Command,
  isUrl = false,
): Promise<Evidence[]> {
  const output = await context.target.exec(command, { signal: context.signal, timeoutMs: 5000 });
  if (output.status !== 0) throw await explainFailure(context, 'varnishtop', output);
  const rows = new Map<string, number>();
  for (const line of output.stdout.split('\n')) {
    const [, count, text] = /^\s*([\d.]+)\s+\S+\s+(.*)$/.exec(line) ?? [];
    if (count === undefined || text === undefined) continue;
    const name = isUrl ? pathOf(text) : plain(redactText(text));
    rows.set(name, (rows.get(name) ?? 0) + Number(count));
  }
  return [
    {
      kind: 'table',
      title,
      columns: [{ name: 'entry' }, { name: 'times' }],
      rows: [...rows].sort((a, b) => b[1] - a[1]).slice(0, 15),
    },
  ];
}

export const top: View = {
  name: 'top',
  summary: `Entries of the log that come most often: top [${TAGS.join('|')}]`,
  show(context, args) {
    const tag = TAGS.find((one) => one.toLowerCase() === (args[0] ?? 'BereqURL').toLowerCase());
    if (tag === undefined)
      throw new WarroomError('BAD_ARGUMENT', {
        command: 'varnish top',
        problem: `choose one of ${TAGS.join(', ')}.`,
      });
    const name = instanceOf(context.place);
    const command =
      name === undefined
        ? sh`timeout 4 varnishtop -1 -i ${tag} | head -n ${FETCHED}`
        : sh`timeout 4 varnishtop -1 -n ${name} -i ${tag} | head -n ${FETCHED}`;
    return counted(context, `${tag} in the log's buffer`, command, tag.endsWith('URL'));
  },
};

export const agents: View = {
  name: 'agents',
  summary: 'User agents that ask most',
  show(context) {
    const name = instanceOf(context.place);
    const command =
      name === undefined
        ? sh`timeout 4 varnishtop -1 -I ReqHeader:^User-Agent: | head -n ${FETCHED}`
        : sh`timeout 4 varnishtop -1 -n ${name} -I ReqHeader:^User-Agent: | head -n ${FETCHED}`;
    return counted(context, "User agents in the log's buffer", command);
  },
};
