/** Names whose values are secret, wherever they stand. */
export const SECRET_NAME =
  /(pass(w(or)?d|phrase)?|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|auth|credential|cookie|bearer|dsn|sess(ion)?[-_]?id|signature)/i;
export const BLANK = '…';

/** `passed:` and `author=` are no secrets. */
const NAMED =
  /((?:(?:passwd|password|passphrase|(?<![a-z])pass)(?![a-z])[\w.-]*|(?:secret|token|auth(?!or(?!i[sz]))|credential|cookie|dsn|sess(?:ion)?[-_]?id|signature)[\w.-]*|key|\bsig|\bpwd)["']?\s*[=:]\s*)(?:(?:bearer|basic|token)\s+)?(?:"[^"]*"|'[^']*'|[^\s&;"']+)/gi;
/** All pairs of a Cookie header are the session's. */
const COOKIES = /(\b(?:set-)?cookie["']?\s*:\s*)[^"'\r\n]+/gi;
const FLAGGED = /(-[\w-]*(?:pass|secret|token|key|auth|credential)[\w-]*\s+)(?:"[^"]*"|'[^']*'|[^\s-]\S*)/gi;
const SCHEMED = /\b(bearer(?=\s+\S{6})|basic(?=\s+\S{16}))\s+[\w.~+/=-]+/gi;

/** Keys that are known by their form: chat platforms, clouds, code hosts, payment, signed web tokens, private keys. */
const KEY_FORMS: readonly RegExp[] = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /\b(?:xox[a-z]|xapp|xwfp)(?:\.[a-z]+)?-[\w-]{8,}/g,
  /\b(?:AKIA|ASIA)[0-9A-Z]{12,}\b/g,
  /\b(?:gh[pousr]_|github_pat_|glpat-|sk_live_|sk_test_|rk_live_|AIza)[\w-]{12,}/g,
  /\beyJ[\w-]{5,}\.[\w-]{4,}(?:\.[\w-]*)?/g,
  /\b[\w-]{23,28}\.[\w-]{6,7}\.[\w-]{27,}\b/g,
  /\b(?:hooks\.slack\.com\/services|discord(?:app)?\.com\/api\/webhooks)\/[\w/-]+/g,
];

/** Free text of a watched system or a person: what has the form of a secret is blank, everything else stays. */
export function redactText(text: string): string {
  const urls = redactUrls(text)
    .replace(COOKIES, `$1${BLANK}`)
    .replace(NAMED, `$1${BLANK}`)
    .replace(FLAGGED, `$1${BLANK}`)
    .replace(SCHEMED, `$1 ${BLANK}`);
  return KEY_FORMS.reduce((shown, form) => shown.replace(form, BLANK), urls);
}

/** A password may hold any sign that its writer forgot to encode. */
const USER_INFO = /([a-z][a-z0-9+.-]*:\/\/)([^\s/:@"'<>]*:[^\s"'<>]*@|[^\s/@"'<>]+@)(?=[^\s@])/gi;

/** URLs within a text: their user info, queries and fragments are blank. The user's name stays beside a password. */
export function redactUrls(text: string): string {
  return text
    .replace(USER_INFO, (_, scheme: string, info: string) => {
      const [user = '', ...password] = info.split(':');
      return `${scheme}${password.length > 0 ? `${user}:` : ''}${BLANK}@`;
    })
    .replace(/([a-z][a-z0-9+.-]*:\/\/[^\s?#"'<>]*)[?#][^\s"'<>]*/gi, `$1?${BLANK}`)
    .replace(/((?:^|[\s"'=(])\/[^\s?#"'<>]*)\?[^\s"'<>]+/g, `$1?${BLANK}`);
}

/** The path of a URL as a request named it: without host, user info, query, and parameters such as ;jsessionid=. */
export function redactPath(url: string): string {
  const path = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').replace(/[?#].*$/s, '');
  return (path === '' ? '/' : path)
    .replace(/(%3f|%23).*$/is, `$1${BLANK}`)
    .replace(/;[^/]*/g, `;${BLANK}`)
    .replace(NAMED, `$1${BLANK}`);
}

/** Where a redirect goes: its query and fragment may carry a token, its user info a password. */
export function redactLocation(location: string): string {
  return redactUrls(location)
    .replace(/[?#].*$/s, `?${BLANK}`)
    .replace(/;[^/?]*/g, `;${BLANK}`);
}
