import { useEffect, useState } from 'preact/hooks';
import { visible } from './visible.ts';

/** Exact commands, with a button that copies them as they are. */
export function Code({ text, title }: { readonly text: string; readonly title?: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <figure class="code">
      {title && <figcaption>{title}</figcaption>}
      <div class="code-body">
        <pre tabIndex={0} role="region" aria-label={title ?? 'Commands'}>
          {visible(text)}
        </pre>
        {navigator.clipboard && (
          <button
            type="button"
            class="bare small copy"
            onClick={() => void navigator.clipboard.writeText(text).then(() => setCopied(true))}
          >
            {copied ? 'Copied' : 'Copy'}
          </button>
        )}
      </div>
    </figure>
  );
}
