//! A real browser without a screen: Debian's Chromium, driven over WebDriver (<https://www.w3.org/TR/webdriver2/>).
//!
//! Of the protocol a dozen commands are needed, each one exchange of JSON; a client of the whole of it would bring more
//! crates than the host has.

use std::{
    fs,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{program::Running, visitor::Visitor};

/// What a page is waited for takes no longer.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// How WebDriver names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with one window.
pub(crate) struct Browser {
    driver: Visitor,
    session: String,
    origin: String,
    // Ended before its folder goes.
    _running: Running,
    _profile: TempDir,
}

/// How a page is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Light,
    Dark,
    /// A telephone's width, light.
    Phone,
}

impl Browser {
    /// Starts one that visits the console at this address.
    pub(crate) fn start(address: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").env("TMPDIR", profile.path()).env("HOME", profile.path());
        let mut running = Running::start(command);
        let port = loop {
            let [stdout, stderr] = running.said();
            if let Some((_, port)) = stdout.split_once("successfully on port ") {
                break port.trim().trim_end_matches('.').parse::<u16>().unwrap();
            }
            assert!(!running.wait_until(WAIT_MAX, || true), "no driver of Chromium: {stdout}{stderr}");
            std::thread::sleep(Duration::from_millis(10));
        };
        let mut driver = Visitor::new(&format!("127.0.0.1:{port}"));
        let arguments = [
            "--headless=new".to_owned(),
            // As root, which CI is, its own sandbox does not start.
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-background-networking".to_owned(),
            "--window-size=1280,900".to_owned(),
            format!("--user-data-dir={}", profile.path().join("profile").display()),
        ];
        let wanted = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": { "args": arguments } } } });
        let page = driver.ask("POST", "/session", &[], wanted.to_string().as_bytes());
        let session = page.json()["value"]["sessionId"].as_str().unwrap_or_else(|| panic!("{}", page.body)).to_owned();
        let origin = format!("http://{address}");
        Self { driver, session, origin, _running: running, _profile: profile }
    }

    fn tell(&mut self, method: &str, path: &str, what: &Value) -> Result<Value, Value> {
        let path = format!("/session/{}{path}", self.session);
        let body = if what.is_null() { String::new() } else { what.to_string() };
        let page = self.driver.ask(method, &path, &[], body.as_bytes());
        let value = page.json()["value"].take();
        if page.status == 200 { Ok(value) } else { Err(value) }
    }

    fn must(&mut self, method: &str, path: &str, what: &Value) -> Value {
        self.tell(method, path, what).unwrap_or_else(|error| panic!("{path} {what}: {error}\n{}", self.text()))
    }

    /// Opens a path of the console.
    pub(crate) fn open(&mut self, path: &str) {
        let url = format!("{}{path}", self.origin);
        self.must("POST", "/url", &json!({ "url": url }));
    }

    /// The path it is at.
    pub(crate) fn path(&mut self) -> String {
        let url = self.must("GET", "/url", &Value::Null);
        let url = url.as_str().unwrap();
        url.strip_prefix(&self.origin).unwrap_or(url).to_owned()
    }

    /// All text that can be seen.
    pub(crate) fn text(&mut self) -> String {
        let found = self.tell("POST", "/element", &json!({ "using": "css selector", "value": "body" }));
        let element = found.ok().and_then(|value| Some(value[ELEMENT].as_str()?.to_owned()));
        let Some(element) = element else { return "no page".to_owned() };
        let text = self.tell("GET", &format!("/element/{element}/text"), &Value::Null);
        text.ok().and_then(|text| Some(text.as_str()?.to_owned())).unwrap_or_default()
    }

    /// The elements that a selector finds.
    pub(crate) fn find_all(&mut self, selector: &str) -> Vec<String> {
        self.found("css selector", selector).unwrap_or_else(|error| panic!("{selector}: {error}\n{}", self.text()))
    }

    /// Tries until something is done. A page that is replaced in the middle, live or by another, is tried again.
    #[track_caller]
    fn until<T>(&mut self, what: &str, mut attempt: impl FnMut(&mut Self) -> Result<Option<T>, Value>) -> T {
        let began = Instant::now();
        loop {
            match attempt(self) {
                Ok(Some(done)) => return done,
                Ok(None) => {}
                Err(error) if error["error"] == "stale element reference" => {}
                Err(error) => panic!("{what}: {error}\n{}", self.text()),
            }
            assert!(began.elapsed() < WAIT_MAX, "no {what} at {}:\n{}", self.path(), self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn found(&mut self, using: &str, value: &str) -> Result<Vec<String>, Value> {
        let found = self.tell("POST", "/elements", &json!({ "using": using, "value": value }))?;
        Ok(found.as_array().unwrap().iter().map(|element| element[ELEMENT].as_str().unwrap().to_owned()).collect())
    }

    /// Does this to the first element that a selector finds, once it is there.
    #[track_caller]
    fn with_first(&mut self, selector: &str, act: impl Fn(&mut Self, &str) -> Result<(), Value>) {
        self.until(&format!("`{selector}`"), |browser| {
            let Some(element) = browser.found("css selector", selector)?.into_iter().next() else { return Ok(None) };
            act(browser, &element).map(Some)
        });
    }

    fn tell_element(&mut self, element: &str, what: &str, how: &Value) -> Result<(), Value> {
        self.tell("POST", &format!("/element/{element}/{what}"), how).map(drop)
    }

    /// Waits until the text holds this.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) {
        self.until(&format!("`{text}`"), |browser| Ok(browser.text().contains(text).then_some(())));
    }

    /// Waits until the page has such an element.
    #[track_caller]
    pub(crate) fn wait_for_element(&mut self, selector: &str) {
        self.with_first(selector, |_, _| Ok(()));
    }

    /// Waits until this is the path it is at.
    #[track_caller]
    pub(crate) fn wait_for_path(&mut self, path: &str) {
        self.until(&format!("way to `{path}`"), |browser| Ok((browser.path() == path).then_some(())));
    }

    /// Presses an element.
    #[track_caller]
    pub(crate) fn click(&mut self, selector: &str) {
        self.with_first(selector, |browser, element| browser.tell_element(element, "click", &json!({})));
    }

    /// Presses an element that was found.
    #[track_caller]
    pub(crate) fn click_element(&mut self, element: &str) {
        self.must("POST", &format!("/element/{element}/click"), &json!({}));
    }

    /// Presses the button with this text.
    #[track_caller]
    pub(crate) fn press(&mut self, text: &str) {
        self.until(&format!("button `{text}`"), |browser| {
            for element in browser.found("css selector", "button, a.button")? {
                if browser.tell("GET", &format!("/element/{element}/text"), &Value::Null)? == text {
                    return browser.tell_element(&element, "click", &json!({})).map(Some);
                }
            }
            Ok(None)
        });
    }

    /// Follows the link with this text.
    #[track_caller]
    pub(crate) fn follow(&mut self, text: &str) {
        self.until(&format!("link `{text}`"), |browser| {
            let Some(link) = browser.found("link text", text)?.into_iter().next() else { return Ok(None) };
            browser.tell_element(&link, "click", &json!({})).map(Some)
        });
    }

    /// Types into a field, in place of what stood there.
    #[track_caller]
    pub(crate) fn fill(&mut self, selector: &str, text: &str) {
        self.with_first(selector, |browser, element| {
            browser.tell_element(element, "clear", &json!({}))?;
            browser.tell_element(element, "value", &json!({ "text": text }))
        });
    }

    /// Chooses a file.
    #[track_caller]
    pub(crate) fn choose(&mut self, selector: &str, file: &std::path::Path) {
        self.with_first(selector, |browser, element| {
            browser.tell_element(element, "value", &json!({ "text": file.to_str().unwrap() }))
        });
    }

    /// What a function body returns, run in the page.
    pub(crate) fn run(&mut self, script: &str) -> Value {
        self.must("POST", "/execute/sync", &json!({ "script": script, "args": [] }))
    }

    fn devtools(&mut self, command: &str, parameters: &Value) {
        self.must("POST", "/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }));
    }

    /// Switches off the scripts of pages.
    pub(crate) fn without_scripts(&mut self) {
        self.devtools("Emulation.setScriptExecutionDisabled", &json!({ "value": true }));
    }

    /// Looks at pages so from now on.
    pub(crate) fn look(&mut self, look: Look) {
        let scheme = if look == Look::Dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", &features);
        let (width, height) = if look == Look::Phone { (390, 844) } else { (1280, 900) };
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": look == Look::Phone });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// Keeps a picture of the whole page, for people: below `CHANCERY_SCREENSHOTS`, else in the build's folder.
    pub(crate) fn picture(&mut self, name: &str) {
        let value = json!({ "cmd": "Page.captureScreenshot", "params": { "captureBeyondViewport": true } });
        let picture = self.must("POST", "/goog/cdp/execute", &value);
        let bytes = STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
        let folder = std::env::var_os("CHANCERY_SCREENSHOTS")
            .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/screenshots")), PathBuf::from);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name).with_extension("png"), bytes).unwrap();
    }

    /// What axe-core finds serious or critical in the page that is open, and whether it is wider than the window.
    pub(crate) fn barriers(&mut self) -> Vec<String> {
        let axe =
            std::env::var_os("CHANCERY_AXE").expect("CHANCERY_TEST_SERVICES=1 needs CHANCERY_AXE: see CONTRIBUTING.md");
        let source = fs::read_to_string(axe).unwrap();
        self.run(&source);
        let script = "const done = arguments[arguments.length - 1]; axe.run(document).then(\
                      (found) => done(found.violations.map((rule) => [rule.impact, rule.id, rule.help, \
                      rule.nodes.map((node) => node.target.join(' ') + ': ' + node.failureSummary).slice(0, 3)])), \
                      (error) => done([['critical', String(error), '', []]]));";
        let found = self.must("POST", "/execute/async", &json!({ "script": script, "args": [] }));
        let rules = found.as_array().unwrap().iter();
        let mut barriers: Vec<String> =
            rules.filter(|rule| rule[0] == "serious" || rule[0] == "critical").map(ToString::to_string).collect();
        let overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        if self.run(overflow).as_i64().unwrap_or_default() > 0 {
            barriers.push("the page is wider than its window".to_owned());
        }
        barriers
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends its browser.
        let _ended = self.tell("DELETE", "", &Value::Null);
    }
}
