// The accept loop over real sockets, with strangers who take all they can get.
#include "net/acceptor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <deque>
#include <future>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"

namespace chargeledger::net {
namespace {

// A client's socket, made before descriptors are used up.
class Client {
 public:
  Client() : fd_(socket(AF_INET, SOCK_STREAM, 0)) {}
  Client(Client&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Client() { Close(); }

  void Connect(uint16_t port, const char* from = "127.0.0.1") {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    inet_pton(AF_INET, from, &address.sin_addr);
    ASSERT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    address.sin_port = htons(port);
    ASSERT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  // Until the other side closes.
  std::string ReadAll() {
    std::string all;
    char buffer[4096];
    for (ssize_t n; (n = read(fd_, buffer, sizeof buffer)) > 0;) all.append(buffer, n);
    return all;
  }
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

class AcceptorTest : public testing::Test {
 protected:
  struct Taken {
    boost::asio::ip::tcp::socket socket;
    Admission admission;
  };

  ~AcceptorTest() override { Stop(); }

  void Start(const AcceptorOptions& options) {
    acceptor_ = *Acceptor::Listen(io_, {"127.0.0.1", 0}, options);
    acceptor_->Start(
        [this](boost::asio::ip::tcp::socket socket, Admission admission) {
          absl::MutexLock lock(&mutex_);
          taken_.push_back({std::move(socket), std::move(admission)});
        },
        [this](const std::string& peer, Turned why) {
          absl::MutexLock lock(&mutex_);
          ++turned_[{peer, why}];
        });
    thread_ = std::thread([this] { io_.run(); });
  }

  void Stop() {
    boost::asio::post(io_, [this] {
      acceptor_.reset();
      absl::MutexLock lock(&mutex_);
      taken_.clear();
    });
    if (thread_.joinable()) thread_.join();
  }

  void AwaitTaken(size_t count) {
    absl::MutexLock lock(&mutex_);
    const auto there = [this, count]()
                           ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return taken_.size() == count; };
    mutex_.Await(absl::Condition(&there));
  }

  // Ends the oldest connection that was taken.
  void EndOne() {
    std::promise<void> done;
    boost::asio::post(io_, [&] {
      {
        absl::MutexLock lock(&mutex_);
        taken_.pop_front();
      }
      done.set_value();
    });
    done.get_future().wait();
  }

  int TurnedAway(const std::string& peer, Turned why) {
    absl::MutexLock lock(&mutex_);
    return turned_[{peer, why}];
  }

  uint16_t port() const { return acceptor_->address().port; }

  boost::asio::io_context io_{1};
  std::unique_ptr<Acceptor> acceptor_;
  std::thread thread_;
  absl::Mutex mutex_;
  std::deque<Taken> taken_ ABSL_GUARDED_BY(mutex_);
  std::map<std::pair<std::string, Turned>, int> turned_ ABSL_GUARDED_BY(mutex_);
};

// Takes every descriptor of the process but `free`, under a limit that is low enough.
class NoDescriptors {
 public:
  explicit NoDescriptors(size_t free) {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit low = before_;
    low.rlim_cur = 256;
    setrlimit(RLIMIT_NOFILE, &low);
    for (int fd; (fd = dup(0)) >= 0;) held_.push_back(fd);
    Give(free);
  }
  ~NoDescriptors() {
    Give(held_.size());
    setrlimit(RLIMIT_NOFILE, &before_);
  }
  void Give(size_t count) {
    for (; count > 0 && !held_.empty(); --count) {
      close(held_.back());
      held_.pop_back();
    }
  }

 private:
  rlimit before_{};
  std::vector<int> held_;
};

TEST_F(AcceptorTest, BeyondTheMostInAllAConnectionGets503UntilOneEnds) {
  Start({.max_connections = 2, .max_per_address = 9, .reserved_descriptors = 0});
  std::vector<Client> clients(4);
  clients[0].Connect(port());
  clients[1].Connect(port(), "127.0.0.2");
  AwaitTaken(2);
  clients[2].Connect(port(), "127.0.0.3");
  const std::string answer = clients[2].ReadAll();
  EXPECT_EQ(answer.rfind("HTTP/1.1 503 Service Unavailable\r\n", 0), 0u) << answer;
  EXPECT_NE(answer.find("more than 2 connections"), std::string::npos) << answer;
  EXPECT_EQ(TurnedAway("127.0.0.3", Turned::kTooMany), 1);
  EXPECT_EQ(acceptor_->stats().open, 2u);
  EndOne();
  EXPECT_EQ(acceptor_->stats().open, 1u);
  clients[3].Connect(port());
  AwaitTaken(2);
  EXPECT_EQ(acceptor_->stats().accepted, 3u);
  EXPECT_EQ(acceptor_->stats().too_many, 1u);
}

TEST_F(AcceptorTest, OneAddressDoesNotTakeThePlacesOfOthers) {
  Start({.max_connections = 9, .max_per_address = 2, .reserved_descriptors = 0});
  std::vector<Client> clients(4);
  clients[0].Connect(port());
  clients[1].Connect(port());
  clients[2].Connect(port());
  EXPECT_NE(clients[2].ReadAll().find("more than 2 connections of one address"), std::string::npos);
  EXPECT_EQ(TurnedAway("127.0.0.1", Turned::kTooManyOfAddress), 1);
  clients[3].Connect(port(), "127.0.0.2");
  AwaitTaken(3);
}

TEST_F(AcceptorTest, LoopbackIsExemptFromTheBoundOfAnAddressOnlyWhereThatIsAskedFor) {
  Start({.max_connections = 3,
         .max_per_address = 1,
         .loopback_exempt = true,
         .reserved_descriptors = 0});
  std::vector<Client> clients(4);
  for (Client& client : clients) client.Connect(port());
  AwaitTaken(3);
  EXPECT_NE(clients[3].ReadAll().find(" 503 "), std::string::npos);
}

TEST_F(AcceptorTest, WhoSendsMuchWhileTurnedAwayStillGetsTheAnswer) {
  Start({.max_connections = 0, .reserved_descriptors = 0});
  for (int i = 0; i < 40; ++i) {
    std::vector<Client> clients(1);
    clients[0].Connect(port());
    EXPECT_NE(clients[0].ReadAll().find(" 503 "), std::string::npos);
  }
  EXPECT_EQ(acceptor_->stats().too_many, 40u);
}

TEST_F(AcceptorTest, DescriptorsInReserveStayForFiles) {
  std::vector<Client> clients(40);
  Start({.reserved_descriptors = 20});
  NoDescriptors none(30);
  for (Client& client : clients) client.Connect(port());
  for (size_t i = 10; i < clients.size(); ++i) {
    EXPECT_NE(clients[i].ReadAll().find("no file descriptor is free"), std::string::npos) << i;
  }
  EXPECT_EQ(acceptor_->stats().accepted, 10u);
  EXPECT_EQ(acceptor_->stats().failed, 0u);
  std::vector<int> files;
  for (int fd; (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) files.push_back(fd);
  EXPECT_GE(files.size(), 19u);
  for (int fd : files) close(fd);
}

TEST_F(AcceptorTest, WithoutADescriptorAllAreAnsweredAndTheLoopDoesNotSpin) {
  std::vector<Client> clients(40), later(1);
  Start({.reserved_descriptors = 0});
  {
    NoDescriptors none(0);
    for (Client& client : clients) client.Connect(port());
    for (Client& client : clients) {
      const std::string answer = client.ReadAll();
      EXPECT_NE(answer.find("no file descriptor is free"), std::string::npos) << answer;
    }
    // 16 are answered a try.
    EXPECT_LE(acceptor_->stats().failed, 10u);
    EXPECT_EQ(acceptor_->stats().no_descriptor, 40u);
    EXPECT_EQ(acceptor_->stats().open, 0u);
  }
  later[0].Connect(port());
  AwaitTaken(1);
}

TEST_F(AcceptorTest, WhoWaitsWhenTheAcceptorClosesIsLeftAlone) {
  Start({.max_connections = 1, .reserved_descriptors = 0});
  std::vector<Client> clients(2);
  clients[0].Connect(port());
  AwaitTaken(1);
  Stop();
  EXPECT_EQ(clients[0].ReadAll(), "");
}

TEST(PeerAddressTest, AHostIsAnIpv4AddressOrTheNetworkThatAnIpv6HostOwns) {
  const auto peer = [](const char* text) {
    return PeerAddress(boost::asio::ip::make_address(text));
  };
  EXPECT_EQ(peer("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(peer("::ffff:192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(peer("2001:db8:1:2:3:4:5:6"), peer("2001:db8:1:2::1"));
  EXPECT_NE(peer("2001:db8:1:2::1"), peer("2001:db8:1:3::1"));
  EXPECT_EQ(peer("::1"), "::1");
}

TEST(ListenTest, AnAddressThatCannotBeListenedOnIsNamed) {
  boost::asio::io_context io;
  auto first = *Acceptor::Listen(io, {"127.0.0.1", 0}, {});
  auto second = Acceptor::Listen(io, first->address(), {});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(second.status().message().find(first->address().ToText()), std::string::npos);
}

}  // namespace
}  // namespace chargeledger::net
