const SECRET_NAME =
  /(pass(w(or)?d|phrase)?|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|auth|credential|cookie|bearer|dsn)/i;
const BLANK = '…';
const LONGEST = 200;

/**
 * A command line fit to be shown: values of password-like flags and variables, and passwords within URLs, are blank.
 * `name` is the program's, for its own short flags.
 */
export function redactArguments(argv: readonly string[], name = ''): string {
  const shown: string[] = [];
  let hideNext = false;
  for (const [i, word] of argv.entries()) {
    if (hideNext) {
      shown.push(BLANK);
      hideNext = /^(bearer|basic|token)$/i.test(word);
      continue;
    }
    const [text, next] = i === 0 ? [word, false] : redactWord(word, name);
    shown.push(withoutUserInfo(text));
    hideNext = next;
  }
  const line = shown.join(' ').replace(/[\u0000-\u001f\u007f]+/g, ' ');
  return line.length <= LONGEST ? line : `${line.slice(0, LONGEST - 1)}…`;
}

/** The word as it may be shown, and whether the next one is its value. */
function redactWord(word: string, name: string): [string, boolean] {
  const assigned = /^(-{0,2}[\w.-]+[=:])(.*)$/s.exec(word);
  if (assigned && SECRET_NAME.test(assigned[1] as string)) return [`${assigned[1]}${BLANK}`, false];
  if (word.startsWith('-') && SECRET_NAME.test(word)) return [word, true];
  if (/^(mysql|mariadb)/.test(name) && /^-p.+/.test(word)) return [`-p${BLANK}`, false];
  if (/^(redis-cli|sshpass|memcached)$/.test(name) && /^-[ap]/.test(word))
    return word.length > 2 ? [`${word.slice(0, 2)}${BLANK}`, false] : [word, true];
  if (
    /^(curl|wget)$/.test(name) &&
    (word === '-u' || word === '--user' || word === '-H' || word === '--header')
  )
    return [word, true];
  return [SECRET_NAME.test(word) ? redactText(word) : word, false];
}

/** A query string, or an inline script: whatever may be a value behind such a name is blank. */
function redactText(text: string): string {
  return text
    .replace(
      /((?:pass|secret|token|key|auth|credential|cookie|dsn)[\w.-]*["']?\s*[=:]\s*)(?:(?:bearer|basic)\s+)?[^\s&;]+/gi,
      `$1${BLANK}`,
    )
    .replace(/(-[\w-]*(?:pass|secret|token|key|auth|credential)[\w-]*\s+)[^\s-]\S*/gi, `$1${BLANK}`);
}

function withoutUserInfo(word: string): string {
  return word.replace(/([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s@]*@/gi, `$1:${BLANK}@`);
}
