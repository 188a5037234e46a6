// Looks at the pages in headless Chromium: logs in and walks by keyboard alone, narrow and wide, light and dark, on paper,
// with scripts switched off, and has axe-core look for what shuts people out. Ends with 1 and says what is wrong.
//
// Usage: node tests/pages.mjs MODULES ADDRESS FOLDER PATH...
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const [modules, address, folder, ...paths] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const origins = [address, ...paths.filter((path) => path.startsWith('http')).map((path) => new URL(path).origin)];
const wrong = [];
let looked = 0;

/** Presses Tab until what has the focus says so. */
async function tabTo(page, what, says, tag = '') {
    for (let presses = 0; presses < 150; presses += 1) {
        await page.keyboard.press('Tab');
        const focus = await page.evaluate(() => {
            const at = document.activeElement;
            const style = getComputedStyle(at);
            const box = at.getBoundingClientRect();
            return { text: at === document.body ? '' : at.textContent, tag: at.tagName, seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 || at === document.body, box: box.width * box.height };
        });
        if (!focus.seen) wrong.push(`${what}: the focus on "${focus.text.slice(0, 40)}" cannot be seen`);
        if (focus.text.includes(says) && (tag === '' || focus.tag === tag)) return;
    }
    throw new Error(`${what}: no key leads to "${says}"`);
}

/** Walks over all that has the focus in turn, and says what cannot be reached or seen by keys. */
async function everywhere(page, what) {
    const all = await page.evaluate(() => [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')]
        .filter((it) => it.checkVisibility() && (it.type !== 'radio' || !it.name || it === document.getElementsByName(it.name)[0])).length);
    const reached = new Set();
    for (let presses = 0; presses < all + 20 && reached.size < all; presses += 1) {
        await page.keyboard.press('Tab');
        const focus = await page.evaluate(() => {
            const at = document.activeElement;
            const named = 'a[href], button, input, select, textarea, summary';
            if (at === document.body || !at.matches(named)) return null;
            const style = getComputedStyle(at);
            const seen = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
            return { at: [...document.querySelectorAll(named)].indexOf(at), seen, text: at.textContent.slice(0, 40) };
        });
        if (focus === null) continue;
        if (!focus.seen) wrong.push(`${what}: the focus on "${focus.text}" cannot be seen`);
        reached.add(focus.at);
    }
    if (reached.size < all) wrong.push(`${what}: keys lead to ${reached.size} of ${all} things`);
}

async function look(page, what) {
    looked += 1;
    await page.screenshot({ path: `${folder}/${what}.png`, fullPage: true });
    const shape = await page.evaluate(() => ({
        wide: document.documentElement.scrollWidth - window.innerWidth,
        scripts: document.scripts.length,
        lang: document.documentElement.lang,
        mains: document.querySelectorAll('main').length,
        headings: [...document.querySelectorAll('h1,h2,h3,h4')].map((it) => Number(it.tagName[1])),
    }));
    if (shape.wide > 0) wrong.push(`${what}: ${shape.wide} px wider than the screen`);
    if (shape.scripts > 0) wrong.push(`${what}: it has a script`);
    if (shape.lang !== 'en' || shape.mains !== 1) wrong.push(`${what}: no language, or not one main part`);
    if (shape.headings[0] !== 1 || shape.headings.some((level, at) => at > 0 && level > shape.headings[at - 1] + 1))
        wrong.push(`${what}: headings out of order: ${shape.headings}`);
    await page.evaluate(axe);
    const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations', 'incomplete'] }));
    for (const it of found.violations)
        wrong.push(`${what}: axe ${it.id} (${it.impact}): ${it.help}: ${it.nodes.map((node) => node.target).slice(0, 3).join(' ')}`);
    // A sign is no text for axe, or too short; it has the colour of the word beside it, which is judged.
    // What is scrolled out of a narrow screen has the colours that are judged on the wide one.
    const wide = page.viewportSize().width >= 1280;
    const told = (node) => wide && !node.any.some((check) => ['nonBmp', 'shortTextContent'].includes(check.data?.messageKey));
    for (const node of found.incomplete.filter((it) => it.id === 'color-contrast').flatMap((it) => it.nodes).filter(told))
        wrong.push(`${what}: axe cannot tell the contrast of ${node.target}`);
}

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
try {
    for (const width of [320, 1280]) {
        for (const colorScheme of ['light', 'dark']) {
            const name = `${width}-${colorScheme}`;
            const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme });
            const page = await context.newPage();
            page.on('console', (said) => { if (said.type() === 'error' && !/status of (4|5)\d\d/.test(said.text())) wrong.push(`${name}: ${said.text()}`); });
            page.on('request', (request) => {
                if (!origins.some((origin) => request.url().startsWith(`${origin}/`)) && !request.isNavigationRequest()) wrong.push(`${name}: it loads ${request.url()}`);
            });
            await page.goto(`${address}${paths[0]}`);
            await look(page, `${name}-login`);
            await tabTo(page, name, 'Log in through the forge');
            await Promise.all([page.waitForURL(`${address}${paths[0]}`), page.keyboard.press('Enter')]);
            await look(page, `${name}-release`);
            await page.evaluate(() => document.querySelectorAll('details').forEach((it) => { it.open = true; }));
            await look(page, `${name}-open`);
            // By keys alone: an approval with its reason, what became of it, and that it is taken back.
            await page.goto(`${address}${paths[0]}`);
            await tabTo(page, name, '', 'TEXTAREA');
            await page.keyboard.type('read it by keyboard');
            await tabTo(page, name, 'Approve as shop-owner', 'BUTTON');
            await Promise.all([page.waitForURL(/did=page-/), page.keyboard.press('Enter')]);
            const done = await page.locator('.notice').innerText();
            if (!done.includes('Recorded') || !done.includes('It counts')) wrong.push(`${name}: approving says ${done}`);
            await look(page, `${name}-approved`);
            const did = [null, new URL(page.url()).searchParams.get('did')];
            await tabTo(page, name, 'Take back your approval', 'BUTTON');
            await Promise.all([page.waitForURL((url) => !did.includes(url.searchParams.get('did'))), page.keyboard.press('Enter')]);
            if (!(await page.locator('.notice').innerText()).includes('take back')) wrong.push(`${name}: nothing was taken back`);
            await page.goto(`${address}${paths[0]}`);
            // A rejection without a reason is kept back by the browser, and one that says nothing by us.
            await page.locator('#reject').fill('............');
            await Promise.all([page.waitForNavigation(), page.locator('button[value=reject]').click()]);
            if (!(await page.locator('.notice').innerText()).includes('Nothing was done')) wrong.push(`${name}: a rejection without a reason`);
            await look(page, `${name}-refused`);
            await page.goto(`${address}${paths[0]}`);
            await tabTo(page, name, 'Countersign: all releases');
            await Promise.all([page.waitForURL(`${address}/`), page.keyboard.press('Enter')]);
            await look(page, `${name}-index`);
            for (const [at, path] of paths.slice(1).entries()) {
                // One of another app is a whole address.
                await page.goto(path.startsWith('http') ? path : `${address}${path}`);
                const what = `${name}-more${at}${new URL(page.url()).pathname.replace(/\W/g, '-')}`;
                await look(page, what);
                await everywhere(page, what);
            }
            // The survey is answered by keys, once; from then on it says so.
            const survey = paths.find((path) => path.startsWith('/survey'));
            await page.goto(`${address}${survey}`);
            if ((await page.locator('input[type=radio]').count()) > 0) {
                await page.locator('input[type=radio]').first().focus();
                await page.keyboard.press('Space');
                await tabTo(page, name, 'Send the answers', 'BUTTON');
                await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
            }
            if (!(await page.content()).includes('You have answered')) wrong.push(`${name}: the survey takes no answer`);
            await look(page, `${name}-answered`);
            // An earlier moment is chosen by its field, and shown as it was then.
            await page.goto(`${address}${paths[0]}`);
            await tabTo(page, name, 'Show that moment', 'BUTTON');
            await Promise.all([page.waitForURL(/[?&]at=\d{4}-/), page.keyboard.press('Enter')]);
            if (!(await page.content()).includes('As it was')) wrong.push(`${name}: no moment can be chosen`);
            await look(page, `${name}-moment`);
            // What was given up is tried again by its button.
            await page.goto(`${address}/given-up`);
            if ((await page.locator('button:has-text("again")').count()) > 0) {
                await tabTo(page, name, 'again', 'BUTTON');
                await Promise.all([page.waitForURL(/again=begun/), page.keyboard.press('Enter')]);
                await look(page, `${name}-again`);
            } else if (width === 320 && colorScheme === 'light') wrong.push('nothing stands on the page of what was given up');
            // A requirement is opened and closed by keys.
            await page.goto(`${address}${paths[0]}`);
            await page.locator('summary').first().focus();
            const before = await page.locator('details').first().getAttribute('open');
            await page.keyboard.press('Enter');
            if ((await page.locator('details').first().getAttribute('open')) === before) wrong.push(`${name}: no key opens it`);
            if (width === 1280 && colorScheme === 'light') {
                await page.emulateMedia({ media: 'print' });
                await page.screenshot({ path: `${folder}/print.png`, fullPage: true });
                await page.emulateMedia({ media: 'screen' });
            }
            await page.goto(`${address}/`);
            await tabTo(page, name, 'Log out');
            await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
            if (!(await page.content()).includes('Log in through the forge')) wrong.push(`${name}: nobody was logged out`);
            await context.close();
        }
    }
    const still = await browser.newContext({ javaScriptEnabled: false });
    const page = await still.newPage();
    await page.goto(`${address}${paths[0]}`);
    await page.getByText('Log in through the forge').click();
    await page.waitForURL(`${address}${paths[0]}`);
    if (!(await page.content()).includes('<h2>Why</h2>')) wrong.push('without scripts nothing is shown');
} finally {
    await browser.close();
}
console.log(`${looked} pages looked at, ${wrong.length} things wrong`);
for (const it of new Set(wrong)) console.log(it);
process.exit(wrong.length > 0 ? 1 : 0);
