import { signal } from '@preact/signals';

export type Route =
  | { readonly page: 'home' }
  | { readonly page: 'incident'; readonly id: string }
  | { readonly page: 'service'; readonly name: string }
  | { readonly page: 'set-up' }
  | { readonly page: 'wall' }
  | { readonly page: 'signin' };

/** On a narrow screen one pane shows at a time. */
export type Tab = 'channel' | 'stack' | 'thread';

export const route = signal<Route>(parse(location.pathname));
export const tab = signal<Tab>(tabOf(route.value));

export function go(path: string): void {
  if (path !== location.pathname) history.pushState(null, '', path);
  show();
}

export function show(): void {
  route.value = parse(location.pathname);
  tab.value = tabOf(route.value);
}

window.addEventListener('popstate', show);

/** For links: a plain click stays in the page, everything else is the browser's. */
export function follows(event: MouseEvent): void {
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.currentTarget as HTMLElement).getAttribute('href');
  if (!link) return;
  event.preventDefault();
  go(link);
}

function parse(path: string): Route {
  const [, first = '', second = ''] = path.split('/');
  if (first === 'incident' && /^\d+$/.test(second)) return { page: 'incident', id: second };
  if (first === 'service' && second) return { page: 'service', name: decoded(second) };
  if (first === 'set-up' || first === 'wall' || first === 'signin') return { page: first };
  return { page: 'home' };
}

function tabOf(to: Route): Tab {
  return to.page === 'home' ? 'channel' : 'thread';
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
