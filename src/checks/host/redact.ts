import { BLANK, redactText, redactUrls, SECRET_NAME } from '../redact.ts';

const LONGEST = 200;
/** `Authorization: Bearer x` and `token: x` come as words of their own where nobody quoted them. */
const SCHEME = /^(bearer|basic|token)$/i;
/** Settings that take their value as the next word: `aws configure set aws_secret_access_key x`. */
const SETTING = /^[\w-]*(?:password|passwd|secret|token|(?:access|api|private|secret)[-_]?key)$/i;

/**
 * A command line fit to be shown: values of password-like flags and variables, keys that are known by their form, and
 * what URLs carry beside host and path are blank. `name` is the program's, for its own short flags.
 */
export function redactArguments(argv: readonly string[], name = ''): string {
  const shown: string[] = [];
  let hideNext = false;
  for (const [i, word] of argv.entries()) {
    if (hideNext) {
      shown.push(BLANK);
      hideNext = SCHEME.test(word);
      continue;
    }
    // The first word is a path, or whatever the process calls itself.
    const [text, next] = i === 0 ? [redactText(word), false] : redactWord(word, name);
    shown.push(redactUrls(text));
    hideNext = next;
  }
  const line = shown.join(' ').replace(/[\u0000-\u001f\u007f]+/g, ' ');
  return line.length <= LONGEST ? line : `${line.slice(0, LONGEST - 1)}…`;
}

/** The word as it may be shown, and whether the next one is its value. */
function redactWord(word: string, name: string): [string, boolean] {
  const assigned = /^(-{0,2}[\w.-]+[=:])(.*)$/s.exec(word);
  if (assigned && SECRET_NAME.test(assigned[1] as string))
    return assigned[2] === '' ? [word, true] : [`${assigned[1]}${BLANK}`, false];
  if (word.startsWith('-') && !/\s/.test(word) && SECRET_NAME.test(word)) return [word, true];
  if (SCHEME.test(word) || SETTING.test(word)) return [word, true];
  if (/^(mysql|mariadb)/.test(name) && /^-p.+/.test(word)) return [`-p${BLANK}`, false];
  if (/^(redis-cli|sshpass|memcached)$/.test(name) && /^-[ap]/.test(word))
    return word.length > 2 ? [`${word.slice(0, 2)}${BLANK}`, false] : [word, true];
  if (
    /^(curl|wget)$/.test(name) &&
    (word === '-u' || word === '--user' || word === '-H' || word === '--header')
  )
    return [word, true];
  return [redactText(word), false];
}
