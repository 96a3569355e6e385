//! OAuth 2 against a token endpoint and a source on this machine.

use super::*;
use crate::{
    item::descriptor::{Oauth2Grant, Oauth2Recipe},
    network::{Application, ClientSecret, Grant, PersonSignIn, RefreshToken, ServiceKey, TokenSource, http_client},
};

/// A source and its token endpoint. It gives tokens `access-N`, accepts only the newest, and takes each refresh token once.
async fn directory(accepts: impl Fn(&str) -> bool + Send + Sync + 'static) -> Server {
    let issued = Mutex::new(0);
    Server::start(move |_, request| {
        let mut issued = issued.lock().unwrap();
        if let Some(form) = request.strip_prefix("POST /token").and_then(|rest| rest.split("\r\n\r\n").nth(1)) {
            if !accepts(form) {
                return status(
                    "400 Bad Request",
                    "",
                    "{\"error\":\"invalid_grant\",\"error_description\":\"hunter2\"}",
                );
            }
            *issued += 1;
            let token = format!("access-{issued}-of-the-directory");
            return ok(&format!(
                "{{\"access_token\":\"{token}\",\"expires_in\":3600,\"refresh_token\":\"refresh-{issued}\"}}"
            ));
        }
        match request.contains(&format!("authorization: Bearer access-{issued}-of-the-directory\r\n")) {
            true => ok("data"),
            false => status("401 Unauthorized", "", "no"),
        }
    })
    .await
}

/// Keeps the token of a person's sign-in.
#[derive(Default)]
struct Kept(Mutex<Option<String>>);

impl RefreshToken for Kept {
    fn read(&self) -> Result<SecretString, Failure> {
        let kept = self.0.lock().unwrap().clone();
        kept.map(SecretString::from).ok_or_else(|| Failure::new("secret-missing", NextMove::AskPerson, "not set"))
    }

    fn write(&self, token: &SecretString) -> Result<(), Failure> {
        *self.0.lock().unwrap() = Some(secrecy::ExposeSecret::expose_secret(token).to_owned());
        Ok(())
    }
}

fn application(server: &Server, grant: Grant) -> Application {
    Application {
        name: "archive".into(),
        token_url: format!("{}/token", server.origin()).parse().unwrap(),
        client_id: "chancery".into(),
        grant,
        scope: "chats.read".into(),
    }
}

fn gate(server: &Server, grant: Grant) -> Egress {
    let recipe = Oauth2Recipe {
        grant: Oauth2Grant::ClientCredentials,
        token_url: None,
        authorization_url: None,
        scopes: Vec::new(),
    };
    let tokens = TokenSource::new(application(server, grant), http_client(&loopback()).unwrap());
    let credential =
        Credential { proof: Proof::Tokens(tokens), ..credential(CredentialScheme::Oauth2(recipe), &server.origin()) };
    egress(&[&server.origin()], vec![credential])
}

fn asked(server: &Server) -> Vec<String> {
    let requests = server.seen().into_iter().filter(|request| request.starts_with("POST /token"));
    requests.map(|request| request.split("\r\n\r\n").nth(1).unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_application_gets_a_token_once_and_another_after_a_401() {
    let server = directory(|form| form.contains("client_secret=hunter2")).await;
    let secret = ClientSecret::Shared("hunter2-hunter2".into());
    let egress = gate(&server, Grant::Application(secret));
    let url = format!("{}/items", server.origin());
    let many = futures::future::join_all((0..8).map(|_| body(&egress, signed(url.clone())))).await;
    assert!(many.iter().all(|answer| *answer == (200, "data".to_owned())), "{many:?}");
    assert_eq!(
        asked(&server),
        ["grant_type=client_credentials&client_id=chancery&scope=chats.read&client_secret=hunter2-hunter2"]
    );
    assert_eq!(egress.scrub().text("access-1-of-the-directory"), "[secret]");
}

#[tokio::test]
async fn a_service_account_signs_what_it_asks_with() {
    let server = directory(|form| form.contains("grant-type%3Ajwt-bearer&assertion=ey")).await;
    let key = SecretString::from(include_str!("../../../network/tests/key.pem"));
    let egress = gate(&server, Grant::Assertion(Box::new(ServiceKey::from_pem(&key, None, None).unwrap())));
    assert_eq!(body(&egress, signed(format!("{}/items", server.origin()))).await.0, 200);
}

#[tokio::test]
async fn a_persons_sign_in_is_renewed_and_its_newest_token_kept() {
    let used = Mutex::new(Vec::new());
    let server = directory(move |form| {
        let mut used = used.lock().unwrap();
        let is_new = !used.contains(&form.to_owned());
        used.push(form.to_owned());
        is_new
    })
    .await;
    let kept = Arc::new(Kept::default());
    let person = |kept: &Arc<Kept>| Grant::Person { secret: None, refresh: Arc::<Kept>::clone(kept) };
    let url = format!("{}/items", server.origin());
    let failure = gate(&server, person(&kept)).send(signed(url.clone())).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.next), ("sign-in-missing", NextMove::AskPerson));
    assert_eq!(failure.hint.as_deref(), Some("chancery secret sign-in archive"));

    // Somebody signs in.
    let sign_in = PersonSignIn {
        application: application(&server, person(&kept)),
        authorization_url: "https://login.example.com/authorize?access_type=offline".parse().unwrap(),
        redirect: "http://localhost:8765/".parse().unwrap(),
    };
    let (url_there, waiting) = sign_in.begin(&[7; 64]);
    let sent: std::collections::BTreeMap<_, _> = url_there.query_pairs().into_owned().collect();
    assert_eq!((sent["access_type"].as_str(), sent["code_challenge_method"].as_str()), ("offline", "S256"));
    let back = |query: &str| format!("http://localhost:8765/?{query}").parse().unwrap();
    for wrong in ["code=c", "code=c&state=other", &format!("error=access_denied&state={}", sent["state"])] {
        assert_eq!(sign_in.code(&waiting, &back(wrong)).unwrap_err().code, "sign-in-refused", "{wrong}");
    }
    let code = sign_in.code(&waiting, &back(&format!("code=c1&state={}", sent["state"]))).unwrap();
    let client = http_client(&loopback()).unwrap();
    kept.write(&sign_in.redeem(&client, &waiting, &code).await.unwrap()).unwrap();
    assert!(asked(&server)[0].starts_with("grant_type=authorization_code&code=c1&redirect_uri=http%3A%2F%2Flocalhost"));
    let failure = sign_in.redeem(&client, &waiting, &code).await.unwrap_err();
    assert!(failure.message.contains("invalid_grant") && !failure.message.contains("hunter2"), "{failure}");

    // Each new process goes on with the newest.
    for round in 2..4 {
        assert_eq!(body(&gate(&server, person(&kept)), signed(url.clone())).await.0, 200);
        assert_eq!(kept.0.lock().unwrap().as_deref(), Some(&*format!("refresh-{round}")));
    }
}
