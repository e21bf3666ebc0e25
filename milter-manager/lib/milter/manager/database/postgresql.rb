# frozen_string_literal: true

require "socket"

module Milter
  module Manager
    module Database
      # PostgreSQL's driver waits through the scheduler by itself, with two
      # exceptions that this keeps it from: names are looked up here, and the end
      # of a connection never waits for the query that is under way.
      module PostgreSQL
        CANCEL_TIMEOUT = 5 # s
        CANCEL_CODE = [16, 1234, 5678].freeze # length and code of the request to cancel

        # Class methods.
        module Client
          def new_client(parameters)
            PG.connect(**PostgreSQL.with_addresses(parameters))
          rescue ::PG::Error => e
            raise ActiveRecord::ConnectionNotEstablished, e.message.strip
          end
        end

        # For PG::Connection.  Who is no longer waited for while connecting leaves nothing open.
        module Connecting
          private

          def async_connect_or_reset(*)
            connected = false
            super.tap { connected = true }
          ensure
            finish unless connected || finished?
          end
        end

        # host=NAME gets its hostaddr=, so that libpq, which would block, asks no name server.
        def self.with_addresses(parameters)
          names = parameters[:host].to_s.split(",")
          return parameters if names.empty? || parameters[:hostaddr] || names.any?(/\A[\/@]/)

          ports = parameters[:port].to_s.split(",")
          found = names.zip(ports.cycle.first(names.size)).flat_map do |name, port|
            addresses(name).map { |address| [name, address, port] }
          end
          columns = %i[host hostaddr port].zip(found.transpose.map { |column| column.join(",") }).to_h
          parameters.merge(columns.reject { |_, text| text.delete(",").empty? })
        end

        def self.addresses(name)
          Addrinfo.getaddrinfo(name, nil, nil, :STREAM).map(&:ip_address)
        rescue SocketError
          raise ActiveRecord::ConnectionNotEstablished, "no address is known of the database's host #{name.inspect}"
        end

        # Whether the server has said goodbye, which costs no question to it.
        def active?
          socket = @connection.socket_io
          @connection.consume_input while IO.select_blocking([socket], nil, nil, 0)
          @connection.status == ::PG::CONNECTION_OK
        rescue ::PG::Error, IOError, SystemCallError
          false
        end

        # Every query begins here.  What the server closed while nothing was asked
        # is replaced, unless a transaction would be torn in two.
        def materialize_transactions
          verify! unless transaction_open?
          super
        end

        # A stale connection is replaced by a new one: the server may have moved.
        def verify!
          return if active?

          @lock.synchronize do
            disconnect!
            connect
          end
        end

        # Closed first: then nothing waits for an answer, for the prepared statements neither.
        def disconnect!
          cancel_later if @given_up
          @connection&.finish
          super
        rescue ::PG::Error
          super
        end

        def clean?
          @connection.transaction_status == ::PG::PQTRANS_IDLE && super
        rescue ::PG::Error
          false
        end

        private

        def answered?(_error)
          status = @connection.transaction_status
          status != ::PG::PQTRANS_ACTIVE && status != ::PG::PQTRANS_UNKNOWN
        rescue ::PG::Error
          false
        end

        # The server need not go on with what nobody waits for.
        def cancel_later
          return unless Engine.attached? && @connection.transaction_status == ::PG::PQTRANS_ACTIVE

          address = @connection.socket_io.remote_address
          request = [*CANCEL_CODE, @connection.backend_pid, @connection.backend_key].pack("NnnNN")
          Engine.scheduler.after(0.0, ->(_) { Fiber.schedule { PostgreSQL.send_cancel(address, request) } })
        rescue ::PG::Error, SystemCallError
          nil
        end

        def self.send_cancel(address, request)
          Timeout.timeout(CANCEL_TIMEOUT) do
            address.connect do |peer|
              peer.write(request)
              peer.read(1)
            end
          end
        rescue SystemCallError, Timeout::Error => e
          Logger.debug("[database] the server was not told to cancel a query: #{e.message}")
        end
      end

      PG::Connection.prepend(PostgreSQL::Connecting)
      adapter = ActiveRecord::ConnectionAdapters::PostgreSQLAdapter
      adapter.prepend(PostgreSQL)
      adapter.singleton_class.prepend(PostgreSQL::Client)
    end
  end
end
