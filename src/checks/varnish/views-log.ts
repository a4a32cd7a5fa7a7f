import { WarroomError } from '../../errors/catalogue.ts';
import { sh } from '../../targets/command.ts';
import type { CollectContext, Evidence, View } from '../contract.ts';
import { pathOf, plain } from '../rate.ts';
import { redactText, SECRET_NAME } from '../redact.ts';
import { explainFailure, instanceOf } from './command.ts';

/** What is shown of a request: neither who asked, nor a header that may hold a secret. */
const SHOWN =
  'Begin,ReqMethod,ReqURL,RespStatus,BereqMethod,BereqURL,BerespStatus,VCL_call,VCL_return,Hit,HitMiss,HitPass,TTL,Storage,FetchError,Error,VCL_Error,BogoHeader,LostHeader,Timestamp,BackendOpen';
const HEADERS = 'RespHeader,BerespHeader:^(Age|Cache-Control|Vary|X-Cache|X-Hits|X-Varnish|Retry-After):';
const SECONDS = 4;
const LINES = 4_000;
const REQUESTS = 5;
const ROWS = 40;
const LONGEST = 300;

/** Tags that a query may ask about, and those of headers, whose name must be said. */
const TAGS =
  /^(Req|Bereq)(Method|URL|Protocol)$|^(Resp|Beresp)(Status|Reason)$|^(VCL_call|VCL_return|VCL_Error|Hit|HitMiss|HitPass|TTL|FetchError|Error|BogoHeader|LostHeader|Timestamp|Storage|Length|ReqAcct|BereqAcct)$/;
const HEADER_TAGS = /^(Req|Resp|Bereq|Beresp|Obj)Header$/;

const TOKEN =
  /\s*(?:([()])|(and|or|not)(?=[\s()]|$)|((?:\{\d{1,2}[+-]?\})?([A-Za-z_]+)(?::([A-Za-z0-9_-]+))?(?:\[\d{1,3}\])?)(?:\s*(==|!=|<=|>=|<|>|!~|~|eq(?=[\s"'])|ne(?=[\s"']))\s*("[^"]*"|'[^']*'|[^\s()]+))?)/y;

/**
 * A query of varnishlog (vsl-query(7)), read and written anew. Headers that may hold secrets cannot be asked about:
 * whether a guess matches would tell them as well. Throws BAD_ARGUMENT.
 */
export function vslQuery(text: string): string {
  const words: string[] = [];
  if (text.length > LONGEST) throw bad(`a query has at most ${LONGEST} signs.`);
  TOKEN.lastIndex = 0;
  for (let at = 0; at < text.trimEnd().length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const [whole, bracket, word, record = '', tag = '', name, operator, value = ''] = TOKEN.exec(text) ?? [];
    if (whole === undefined || whole === '')
      throw bad(`it is not understood from "${plain(text.slice(at).trim(), 40)}" on. Example: ${EXAMPLE}`);
    if (bracket !== undefined || word !== undefined) words.push(bracket ?? word ?? '');
    else {
      checkTag(tag, name);
      words.push(operator === undefined ? record : `${record} ${operator} ${valueFor(operator, value)}`);
    }
  }
  return words.join(' ');
}

const EXAMPLE = "varnish log RespStatus >= 500 and ReqURL ~ '^/cart'";

function checkTag(tag: string, name: string | undefined): void {
  if (TAGS.test(tag)) return;
  if (!HEADER_TAGS.test(tag)) throw bad(`"${plain(tag, 40)}" cannot be asked about. Example: ${EXAMPLE}`);
  if (name === undefined) throw bad(`name the header: ${tag}:Host.`);
  if (SECRET_NAME.test(name)) throw bad(`${plain(name, 40)} may hold a secret, so it is not asked about.`);
}

function valueFor(operator: string, value: string): string {
  const inner = /^(["'])(.*)\1$/s.exec(value)?.[2] ?? value;
  if (['~', '!~', 'eq', 'ne'].includes(operator)) {
    if (/["\\]?"|[\u0000-\u001f]/.test(inner)) throw bad('a value holds no double quotes.');
    return `"${inner}"`;
  }
  if (!/^-?\d+(\.\d+)?$/.test(inner))
    throw bad(`${operator} compares with a number; for words take eq or ~.`);
  return inner;
}

function bad(problem: string): WarroomError {
  return new WarroomError('BAD_ARGUMENT', { command: 'varnish log', problem });
}

export interface LoggedRequest {
  /** `Request`, `BeReq`; 1 for the outermost, 2 for what it fetched. */
  readonly kind: string;
  readonly level: number;
  readonly lines: readonly (readonly [tag: string, value: string])[];
}

/** Groups of `varnishlog -g request`, oldest first. */
export function parseRequests(text: string): LoggedRequest[][] {
  const groups: LoggedRequest[][] = [];
  let lines: [string, string][] | undefined;
  for (const line of text.split('\n')) {
    const head = /^(\*+)\s+<<\s*(\w+)\s*>>/.exec(line);
    if (head) {
      lines = [];
      const level = (head[1] as string).length;
      const one = { kind: head[2] as string, level, lines };
      if (level === 1 || groups.length === 0) groups.push([one]);
      else groups.at(-1)?.push(one);
      continue;
    }
    const record = /^-+\s+(\w+)\s+(.*)$/.exec(line);
    if (record && lines && lines.length < ROWS)
      lines.push([record[1] as string, shownOf(record[1] as string, record[2] as string)]);
  }
  // What stands before the first whole group is the rest of one that was cut off.
  return groups.filter((group) => group[0]?.level === 1);
}

function shownOf(tag: string, value: string): string {
  return /URL$/.test(tag) ? pathOf(value) : plain(redactText(value));
}

export const log: View = {
  name: 'log',
  summary: `Single requests of the log's buffer, newest first: log [query], e.g. ${EXAMPLE}`,
  async show(context, args) {
    const query = vslQuery(args.join(' '));
    const text = await read(context, query);
    const groups = parseRequests(text).slice(-REQUESTS).reverse();
    if (groups.length === 0)
      return [
        {
          kind: 'note',
          text: query === '' ? 'The log’s buffer is empty.' : 'No request in the log’s buffer matches.',
        },
      ];
    return groups.map(
      (group): Evidence => ({
        kind: 'table',
        title: titleOf(group),
        columns: [{ name: 'of' }, { name: 'tag' }, { name: 'value' }],
        rows: group
          .flatMap((one) =>
            one.lines.map(([tag, value]) => [`${'·'.repeat(one.level - 1)}${one.kind}`, tag, value]),
          )
          .slice(0, ROWS),
      }),
    );
  },
};

function titleOf(group: readonly LoggedRequest[]): string {
  const value = (tag: string) => group[0]?.lines.find(([name]) => name === tag)?.[1] ?? '';
  return `${value('ReqMethod') || value('BereqMethod')} ${value('ReqURL') || value('BereqURL')} ${value('RespStatus') || value('BerespStatus')}`.trim();
}

async function read(context: CollectContext, query: string): Promise<string> {
  const name = instanceOf(context.place) ?? '';
  const output = await context.target.exec(
    // Empty options are left out by the shell; the query is one word of it, whatever stands in it.
    sh`n=${name} q=${query}; set --; [ -z "$n" ] || set -- -n "$n"; [ -z "$q" ] || set -- "$@" -q "$q"; { timeout ${SECONDS} $(command -v varnishlog || command -v vinyllog || echo varnishlog) -d -t 0 -g request -i ${SHOWN} -I ${HEADERS} "$@" || echo "ended with $?" >&2; } | tail -n ${LINES}`,
    { signal: context.signal, timeoutMs: (SECONDS + 2) * 1000 },
  );
  const failed = Number(/ended with (\d+)/.exec(output.stderr)?.[1] ?? 0);
  if (/query/i.test(output.stderr))
    throw bad(
      `varnishlog does not take it: ${plain(
        output.stderr
          .replace(/\s+/g, ' ')
          .replace(/ended with.*/, '')
          .trim(),
        160,
      )}`,
    );
  // 124: the buffer is bigger than what can be read in the time; what was read is shown.
  if (failed !== 0 && failed !== 124)
    throw await explainFailure(context, 'varnishlog', { ...output, status: failed });
  return output.stdout;
}
