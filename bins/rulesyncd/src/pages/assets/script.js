// Refreshes a page while it is open, and filters while somebody types. Nothing of the page needs it.
'use strict';

(() => {
  const here = document.currentScript;
  const PAUSE = 'rulesync-paused';
  /** At most one refresh in this time, in milliseconds: changes come in crowds. */
  const INTERVAL = 2000;
  const TYPING = 300;

  let running = null;

  /** Fetches a page of ours and puts its contents in the place of those that are shown. */
  async function show(url, isNew) {
    running?.abort();
    const mine = new AbortController();
    running = mine;
    try {
      const answer = await fetch(url, { headers: { accept: 'text/html' }, signal: mine.signal });
      const type = answer.headers.get('content-type') ?? '';
      if (!answer.ok || !type.startsWith('text/html')) {
        return false;
      }
      const other = new DOMParser().parseFromString(await answer.text(), 'text/html');
      const main = other.querySelector('main');
      if (!main || mine.signal.aborted) {
        return false;
      }
      replace(main);
      if (isNew) {
        history.replaceState(null, '', url);
      }
      return true;
    } catch {
      return false;
    }
  }

  /** Replaces what differs, so that what somebody reads, has opened or types into stays as it is. */
  function replace(main) {
    const old = document.querySelector('main');
    const opened = new Set([...old.querySelectorAll('details[open]')].map(key));
    for (const details of main.querySelectorAll('details')) {
      details.open = details.open || opened.has(key(details));
    }
    const [before, after] = [[...old.children], [...main.children]];
    const same = before.length === after.length && before.every((child, at) => child.localName === after[at].localName);
    if (!same) {
      const focused = path(old, document.activeElement);
      old.replaceChildren(...after);
      find(old, focused)?.focus({ preventScroll: true });
      return;
    }
    before.forEach((child, at) => {
      const edited = child.contains(document.activeElement) && child.matches('form, :has(form.filter)');
      if (!edited && !child.isEqualNode(after[at])) {
        const focused = path(child, document.activeElement);
        child.replaceWith(after[at]);
        find(after[at], focused)?.focus({ preventScroll: true });
        after[at].classList.add('fresh');
      }
    });
  }

  const key = (details) => details.id || details.querySelector('summary')?.textContent;

  /** The way from an element down to another one, as numbers of children. */
  function path(from, to) {
    if (!to || to === from || !from.contains(to)) {
      return null;
    }
    const numbers = [];
    for (let element = to; element !== from; element = element.parentElement) {
      numbers.unshift([...element.parentElement.children].indexOf(element));
    }
    return { numbers, name: to.localName };
  }

  function find(from, way) {
    const element = way?.numbers.reduce((parent, number) => parent?.children[number], from);
    return element?.localName === way?.name ? element : null;
  }

  /** Refreshes the page soon, once however many changes there are. */
  let due = 0;
  function refresh() {
    if (due || document.hidden) {
      return;
    }
    due = setTimeout(async () => {
      due = 0;
      await show(location.href, false);
    }, INTERVAL);
  }

  function follow() {
    const live = document.getElementById('live');
    if (!window.EventSource || !here?.dataset.events) {
      return;
    }
    let events = null;
    const label = document.createElement('label');
    const box = document.createElement('input');
    box.type = 'checkbox';
    box.checked = sessionStorage.getItem(PAUSE) === null;
    label.append(box, 'Refresh by itself');
    live.append(label);
    const start = () => {
      let opened = false;
      events = new EventSource(here.dataset.events);
      events.addEventListener('changed', refresh);
      // Something may have changed between two connections.
      events.addEventListener('open', () => {
        if (opened) {
          refresh();
        }
        opened = true;
      });
    };
    const stop = () => {
      events?.close();
      events = null;
    };
    box.addEventListener('change', () => {
      if (box.checked) {
        sessionStorage.removeItem(PAUSE);
        start();
        refresh();
      } else {
        sessionStorage.setItem(PAUSE, '');
        stop();
      }
    });
    // A page in the background needs no connection; the daemon has few.
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) {
        stop();
      } else if (box.checked && !events) {
        start();
        refresh();
      }
    });
    if (box.checked && !document.hidden) {
      start();
    }
  }

  function filter() {
    let timer = 0;
    document.addEventListener('input', (event) => {
      const form = event.target.closest?.('form.filter');
      if (!form) {
        return;
      }
      clearTimeout(timer);
      timer = setTimeout(() => {
        const url = new URL(form.action);
        const fields = [...new FormData(form)].filter(([, value]) => value !== '');
        url.search = new URLSearchParams(fields).toString();
        show(url.href, true);
      }, TYPING);
    });
  }

  follow();
  filter();
})();
