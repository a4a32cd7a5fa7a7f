import type { Config, Right } from '../config/schema.ts';

export type Platform = 'console' | 'terminal' | 'slack' | 'discord' | 'test';

/** Who pressed or typed, as the platform vouches for it. */
export interface Identity {
  readonly platform: Platform;
  /** The platform's own stable id: Slack team:user, Discord guild:user, console and terminal name. */
  readonly id: string;
  /** A name to show; foreign text. */
  readonly display: string;
  /** What the platform says of the account; `unverified` when it could not be asked. */
  readonly kind: 'member' | 'bot' | 'guest' | 'stranger' | 'deleted' | 'unverified';
  /** Console tokens carry rights of their own and name a person only when the config says so. */
  readonly token?: { readonly name: string; readonly may: readonly Right[] };
  /** `start --local-approver`: with no people in the config the holder of a link may approve too. */
  readonly localApprover?: boolean;
}

/** One human across platforms. `name` is the key in the config's `people`, or undefined for somebody not listed. */
export interface Person {
  readonly name?: string;
  readonly display: string;
  readonly rights: readonly Right[];
  /** Why rights are missing, when the account itself is refused. */
  readonly refusedAs?: Exclude<Identity['kind'], 'member'>;
}

/** Resolves an identity to a person and the rights it has at this moment; the config is the one in force. */
export function personOf(identity: Identity, config: Config): Person {
  if (identity.kind !== 'member') return { display: identity.display, rights: [], refusedAs: identity.kind };
  const entry = Object.entries(config.people).find(
    ([name, person]) => identityIn(person, identity.platform, name) === identity.id,
  );
  if (entry) {
    const [name, person] = entry;
    return {
      name,
      display: name,
      rights: identity.token ? onlyShared(person.may, identity.token.may) : person.may,
    };
  }
  if (identity.token)
    return { display: identity.display, rights: identity.token.may.filter((right) => right !== 'approve') };
  if (identity.platform === 'console' || identity.platform === 'terminal') {
    // With nobody listed there is only the holder of the machine; once people are listed, an unlisted name sees.
    if (Object.keys(config.people).length > 0) return { display: identity.display, rights: ['see'] };
    return {
      display: identity.display,
      rights: identity.localApprover ? ['see', 'operate', 'approve'] : ['see', 'operate'],
    };
  }
  return { display: identity.display, rights: config.policy.channelMembers === 'see' ? ['see'] : [] };
}

export type Decision =
  | { readonly allowed: true; readonly person: Person }
  | { readonly allowed: false; readonly person: Person; readonly reason: string; readonly mend: string };

/**
 * The one place where a right is decided, at the moment of the press and for every transport. `askers` are the
 * names of those who asked for, parametrised or edited the proposal in question.
 */
export function decide(
  identity: Identity,
  right: Right,
  config: Config,
  askers: readonly string[] = [],
): Decision {
  const person = personOf(identity, config);
  const refuse = (reason: string, mend: string): Decision => ({ allowed: false, person, reason, mend });
  if (person.refusedAs)
    return refuse(
      `an account that is ${article(person.refusedAs)} may do nothing here`,
      'Use your own member account.',
    );
  if (!person.rights.includes(right)) {
    return refuse(
      `your rights are ${person.rights.join(', ') || 'none'}`,
      `An admin can add you:  ${grantLine(identity, person, right)}`,
    );
  }
  if (right === 'approve' && !config.policy.askerMayApprove && askers.includes(nameOf(person))) {
    return refuse(
      'you asked for it, so somebody else approves it',
      'Another approver presses, or policy.askerMayApprove is set.',
    );
  }
  return { allowed: true, person };
}

/** The name under which a person counts as asker or approver. */
export function nameOf(person: Person): string {
  return person.name ?? person.display;
}

function identityIn(person: Config['people'][string], platform: Platform, name: string): string | undefined {
  if (platform === 'test') return name;
  // A sign-in link is made on the machine itself, for the name that the config knows.
  return platform === 'console' ? (person.console ?? name) : person[platform];
}

function onlyShared(first: readonly Right[], second: readonly Right[]): Right[] {
  return first.filter((right) => second.includes(right));
}

function article(kind: string): string {
  return kind === 'unverified'
    ? 'not vouched for by the platform'
    : `a ${kind}`.replace('a deleted', 'deleted');
}

/** The line of the config that gives a right to this account; built from the platform's id, which is not free text. */
export function grantLine(identity: Identity, person: Pick<Person, 'name'>, right: Right): string {
  const key = identity.platform === 'test' ? 'console' : identity.platform;
  const rights = { see: 'see', operate: 'see, operate', approve: 'see, operate, approve' }[right];
  const name = person.name ?? (identity.display.replace(/[^A-Za-z0-9_.-]/g, '') || 'name');
  return `people: { ${name}: { ${key}: ${JSON.stringify(identity.id)}, may: [${rights}] } }`;
}
