//! A call between two peers in this program, through the relay only.

use std::time::{Duration, Instant};

use peerline::{
    Configuration, DataChannel, DataChannelEvent, DataChannelInit, Endpoint, EndpointConfig, IceServer,
    IceTransportPolicy, Message, PeerConnection, Stats,
};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::super::evidence::Call;
use super::{Target, endpoint_interfaces, milliseconds};

/// How long the call may take to come about.
const CONNECTING: Duration = Duration::from_secs(4);
/// How many messages there and back.
const ROUND_TRIPS: usize = 5;
/// What a video call sends: packets of this length, so many in a millisecond (9.6 Mbit/s), for this long.
const PACKET: usize = 1_200;
const BURST: Duration = Duration::from_millis(1);
const SENDING: Duration = Duration::from_millis(1_000);
/// Bytes that may wait to be sent.
const WAITING: usize = 64 << 10;
/// How long the last packets have to arrive.
const LAST_PACKETS: Duration = Duration::from_millis(300);

type Trouble = Box<dyn std::error::Error + Send + Sync>;

pub(super) async fn through_relay(servers: &[IceServer], target: &Target, is_on_this_machine: bool) -> Call {
    match attempt(servers, target, is_on_this_machine).await {
        Ok(call) => call,
        Err(error) => Call::Failed { reason: error.to_string() },
    }
}

async fn attempt(servers: &[IceServer], target: &Target, is_on_this_machine: bool) -> Result<Call, Trouble> {
    let began = Instant::now();
    let config = || EndpointConfig {
        interfaces: endpoint_interfaces(is_on_this_machine),
        proxy: target.proxy.clone(),
        ..EndpointConfig::default()
    };
    // Two endpoints, as there would be on two machines.
    let (here, there) = (Endpoint::bind(config())?, Endpoint::bind(config())?);
    let configuration = Configuration {
        ice_servers: servers.to_vec(),
        ice_transport_policy: IceTransportPolicy::Relay,
        trust: [(target.host.clone(), target.trust)].into(),
        ..Configuration::default()
    };
    let (one, other) = (here.peer_connection(configuration.clone())?, there.peer_connection(configuration)?);
    let init = |id| DataChannelInit { negotiated: true, id: Some(id), ..DataChannelInit::default() };
    let lossy = |id| DataChannelInit { ordered: false, max_retransmits: Some(0), ..init(id) };
    let (asks, answers) =
        (one.create_data_channel("ask", init(0))?, other.create_data_channel("ask", init(0))?);
    let (sends, takes) =
        (one.create_data_channel("send", lossy(1))?, other.create_data_channel("send", lossy(1))?);
    let connected = async {
        negotiate(&one, &other).await?;
        tokio::try_join!(asks.opened(), answers.opened(), sends.opened(), takes.opened())?;
        Ok::<_, Trouble>(())
    };
    match timeout(CONNECTING, connected).await {
        Ok(connected) => connected?,
        Err(_) => return Err("it did not come about within 4 s".into()),
    }
    let took = milliseconds(began);
    let round_trip = timeout(CONNECTING, round_trip(&asks, &answers))
        .await
        .map_err(|_| "its messages did not arrive")??;
    let (sent, arrived, throughput) = load(&sends, &takes).await;
    let relay_protocol = relay_protocol(&one);
    one.close();
    other.close();
    Ok(Call::Connected { took, round_trip, relay_protocol, throughput, sent, arrived })
}

/// Offer and answer with the first candidates in them, and the others as they come.
async fn negotiate(one: &PeerConnection, other: &PeerConnection) -> Result<(), Trouble> {
    one.set_local_description(None)?;
    other.set_remote_description(one.local_description().ok_or("no offer")?)?;
    other.set_local_description(None)?;
    one.set_remote_description(other.local_description().ok_or("no answer")?)?;
    for (from, to) in [(one.clone(), other.clone()), (other.clone(), one.clone())] {
        tokio::spawn(async move {
            while let Some(event) = from.next_event().await {
                if let peerline::Event::IceCandidate(candidate) = event {
                    // One that the other side doesn't take is no loss while there are others.
                    let _ = to.add_ice_candidate(&candidate);
                }
            }
        });
    }
    Ok(())
}

/// The middle one of several, in milliseconds.
async fn round_trip(asks: &DataChannel, answers: &DataChannel) -> Result<f64, Trouble> {
    let echo = answers.clone();
    tokio::spawn(async move {
        while let Some(event) = echo.next_event().await {
            if let DataChannelEvent::Message(Message::Text(text)) = event {
                let _ = echo.send_text(text);
            }
        }
    });
    let mut times = Vec::new();
    for number in 0..ROUND_TRIPS {
        let began = Instant::now();
        asks.send_text(number.to_string())?;
        loop {
            match asks.next_event().await {
                Some(DataChannelEvent::Message(_)) => break,
                Some(_) => {}
                None => return Err("the connection broke".into()),
            }
        }
        times.push(milliseconds(began));
    }
    times.sort_by(f64::total_cmp);
    Ok(times.get(ROUND_TRIPS / 2).copied().unwrap_or_default())
}

/// How many packets were sent and arrived, and how many bits a second that makes.
async fn load(sends: &DataChannel, takes: &DataChannel) -> (u32, u32, f64) {
    let began = Instant::now();
    let (mut sent, mut arrived, mut last) = (0_u32, 0_u32, began);
    let packet = vec![0_u8; PACKET];
    let mut burst = interval(BURST);
    // A machine that is late sends less, and not all at once: that would be its own loss.
    burst.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let end = sleep(SENDING + LAST_PACKETS);
    tokio::pin!(end);
    loop {
        tokio::select! {
            _ = burst.tick(), if began.elapsed() < SENDING => {
                // A network that takes less fills the buffer: then nothing is added, and what arrives shows how much it takes.
                if sends.buffered_amount() < WAITING && sends.send(packet.clone()).is_ok() {
                    sent += 1;
                }
            }
            event = takes.next_event() => match event {
                Some(DataChannelEvent::Message(_)) => (arrived, last) = (arrived + 1, Instant::now()),
                Some(_) => {}
                None => break,
            },
            () = &mut end => break,
        }
    }
    let seconds = last.duration_since(began).as_secs_f64();
    let bits = f64::from(arrived) * PACKET as f64 * 8.0;
    (sent, arrived, if seconds > 0.0 { bits / seconds } else { 0.0 })
}

/// How the first one reaches the relay.
fn relay_protocol(connection: &PeerConnection) -> Option<String> {
    let report = connection.stats();
    let pair = report.selected_candidate_pair()?;
    match report.get(&pair.local_candidate_id) {
        Some(Stats::LocalCandidate(candidate)) => candidate.relay_protocol.map(str::to_owned),
        _ => None,
    }
}
