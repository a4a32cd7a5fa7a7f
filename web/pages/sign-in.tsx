import { useEffect, useState } from 'preact/hooks';
import { ApiProblem, post } from '../live/api.ts';
import { go } from '../live/route.ts';
import { type Me, me } from '../live/state.ts';
import { Code } from '../parts/code.tsx';

/** The way in: a link's secret comes in the fragment, which no server, proxy or log sees. */
export function SignIn() {
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const use = async (token: string) => {
    setBusy(true);
    setProblem('');
    try {
      me.value = await post<Me>('/api/signin', { token });
      if (location.pathname === '/signin') go('/');
    } catch (thrown) {
      setProblem(thrown instanceof ApiProblem ? `Not signed in: ${thrown.reason}.` : String(thrown));
    } finally {
      setBusy(false);
    }
  };
  useEffect(() => {
    const follow = () => {
      const token = location.hash.slice(1);
      if (location.pathname !== '/signin' || token === '') return;
      // It works once and must not stay in the history.
      history.replaceState(null, '', '/signin');
      void use(token);
    };
    follow();
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  return (
    <main class="sign-in">
      <h1>Warroom</h1>
      {busy ? (
        <p>Signing in with the link.</p>
      ) : (
        <>
          <p>You are not signed in. A link signs you in: it works once, within ten minutes.</p>
          <p>On the machine where the bot runs, with your name from the config:</p>
          <Code text="warroom link NAME" title="Terminal" />
          <p class="muted">Or paste the link that you were given.</p>
          <form
            onSubmit={(event) => {
              event.preventDefault();
              const link = new FormData(event.currentTarget).get('link');
              const token = String(link ?? '')
                .trim()
                .split('#')
                .at(-1);
              if (token) void use(token);
            }}
          >
            <label for="link">Sign-in link</label>
            <div class="actions">
              <input id="link" name="link" autocomplete="off" spellcheck={false} />
              <button type="submit" class="filled">
                Sign in
              </button>
            </div>
          </form>
        </>
      )}
      <p role="alert" class="problem">
        {problem}
      </p>
    </main>
  );
}
