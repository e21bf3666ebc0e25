# frozen_string_literal: true

module Milter
  module Manager
    module Database
      # The items of database.* as ActiveRecord takes them.
      class Settings
        ADAPTERS = { "mysql" => "mysql2", "pg" => "postgresql" }.freeze
        MYSQL_SOCKET = "/var/run/mysqld/mysqld.sock"
        MEMORY = ":memory:"
        POSTGRESQL_SOCKET = /\A(?<directory>.*)\/\.s\.PGSQL\.(?<port>\d+)\z/

        def initialize(group)
          @group = group
        end

        # Raises a ConfigurationError about what is missing or wrong.
        def options
          need(:type)
          adapter = ADAPTERS.fetch(@group.type, @group.type)
          options = { adapter: adapter, **location(adapter), password: @group.password }.compact
          options.merge!(@group.extra_options.transform_keys(&:to_sym))
          check_pool(options)
          check_reaping(options)
          options
        end

        private

        def location(adapter)
          case adapter
          when "sqlite3" then sqlite3
          when "postgresql" then postgresql
          when "mysql2" then mysql
          else plain
          end
        end

        def plain
          { database: @group.name, host: @group.host, port: @group.port, socket: @group.path,
            username: @group.user }
        end

        def sqlite3
          name = @group.name || @group.path || need(:name)
          return { database: name } if name == MEMORY || name.start_with?("file:")

          path = File.expand_path(name, Native.prefix)
          # ActiveRecord would make one.
          raise InvalidValue, "the directory of the database #{path} doesn't exist" unless
            File.directory?(File.dirname(path))

          { database: path }
        end

        # libpq takes the directory of the socket as host.
        def postgresql
          socket = POSTGRESQL_SOCKET.match(@group.path.to_s)
          { database: @group.name, username: @group.user,
            host: @group.host || (socket ? socket[:directory] : @group.path),
            port: @group.port || (socket && Integer(socket[:port], 10)) }
        end

        def mysql
          need(:name)
          socket = @group.path || (MYSQL_SOCKET if File.socket?(MYSQL_SOCKET))
          { database: @group.name, host: @group.host || "localhost", port: @group.port || 3306,
            socket: socket, username: @group.user || "root" }
        end

        def need(item)
          raise ConfigurationError, "database.#{item} should be set" if @group.public_send(item).nil?
        end

        # Every connection to :memory: is a database of its own.
        def check_pool(options)
          memory = options[:adapter] == "sqlite3" && options[:database] == MEMORY
          options[:pool] ||= 1 if memory
          size = options[:pool]
          return if size.nil? || (size.is_a?(Integer) && (memory ? size == 1 : size.positive?))

          wanted = memory ? "1 for #{MEMORY}" : "an integer from 1"
          raise InvalidValue, "database.extra_options[:pool] should be #{wanted} but was #{size.inspect}"
        end

        def check_reaping(options)
          return unless options.key?(:reaping_frequency)

          raise InvalidValue, "database.extra_options[:reaping_frequency] has no meaning here: connections are " \
                              "given back when a condition ends, and closed when idle_timeout is over"
        end
      end
    end
  end
end
