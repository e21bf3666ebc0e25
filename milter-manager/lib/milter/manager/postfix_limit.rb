# frozen_string_literal: true

module Milter
  module Manager
    # How many smtpd processes Postfix runs at most, from its configuration
    # files.  Starts no program, so it takes no time worth mentioning.
    class PostfixLimit
      # The first that holds a master.cf; Postfix' own variable MAIL_CONFIG comes before.
      DIRECTORIES = %w[/etc/postfix /usr/local/etc/postfix /usr/pkg/etc/postfix /opt/local/etc/postfix].freeze
      DEFAULT = 100 # default_process_limit when main.cf does not say (postconf(5))
      MOST_REFERENCES = 8

      def initialize(directories = nil)
        @directories = directories || [*ENV["MAIL_CONFIG"], *DIRECTORIES]
      end

      # 0: no limit, or no Postfix.
      def to_i
        directory = @directories.find { |path| File.file?("#{path}/master.cf") }
        return 0 unless directory

        processes = smtp_service(lines("#{directory}/master.cf"))
        return 0 if processes.nil?

        processes == "-" ? default_limit(lines("#{directory}/main.cf")) : processes.to_i
      rescue SystemCallError => e
        Logger.info("stress: #{@reading}: #{Manager.reason_of(e)}: Postfix' process limit is not known")
        0
      end

      private

      # Logical lines without comments; a line that begins with a blank continues the one before.
      def lines(path)
        @reading = path
        text = File.read(path, encoding: Encoding::BINARY)
        text.each_line(chomp: true).reject { |line| line.match?(/\A\s*(?:#|\z)/) }
            .slice_before(/\A\S/).map { |parts| parts.map(&:strip).join(" ") }
      end

      # maxproc of the service that runs smtpd for clients from outside; behind
      # postscreen that is the service "smtpd".
      def smtp_service(lines)
        services = lines.map { |line| line.split(" ", 9) }.select { |fields| fields[7] == "smtpd" }
        service = services.find { |name, type,| type == "inet" && name.match?(/(?:\A|:)(?:smtp|25)\z/) }
        service ||= services.find { |name, type,| type == "pass" && name == "smtpd" }
        service && service[6]
      end

      # The last assignment counts; other parameters may be referred to.
      def default_limit(lines)
        parameters = lines.filter_map { |line| line[/\A[\w.-]+\s*=.*/]&.split("=", 2)&.map(&:strip) }.to_h
        value = parameters["default_process_limit"]
        return DEFAULT unless value

        MOST_REFERENCES.times do
          value = value.gsub(/\$(?:(\w+)|\{(\w+)\}|\((\w+)\))/) { parameters[$1 || $2 || $3].to_s }
        end
        value.to_i
      end
    end
  end
end
